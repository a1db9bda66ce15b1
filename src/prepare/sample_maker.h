// One picture with its caption to the three files of a sample (spec/energon.md section 1, spec/dfm.md
// section 4.2).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "media/source.h"
#include "prepare/prepare.h"

namespace dfm::prepare {

struct SampleFiles {
  std::vector<std::byte> pth;     // the latent, bfloat16 [C, T, H/8, W/8]
  std::vector<std::byte> pickle;  // the text embedding, numpy float16 [rows, width]
  std::string json;
};

struct KeyedSample {
  std::string key;  // of its files: KEY.pth, KEY.pickle, KEY.json
  SampleFiles files;
};

// Resized and cropped (or stretched, or fitted inside), or cut to multiples of 16 pixels, as the settings
// say.
media::Image fitted(const media::Image& image, const PrepareSettings& settings);

// Notes how pictures were resized, in the words of the users' files.
void add_resize_settings(const PrepareSettings& settings, Json& description);

// Notes what decides latents and rows of text.
void add_encoders(const PrepareSettings& settings, Json& description);

// Frames and their caption, encoded.
SampleFiles files_of(const std::vector<media::Image>& frames, const std::string& caption,
                     const Json& description, const PrepareSettings& settings);

// Throws a data error that says where a caption may stand.
void require_caption(const media::Item& item);

// Throws a data error for a picture that cannot be decoded or is too small, and for a missing caption.
SampleFiles make_sample(const media::Item& item, std::span<const std::byte> encoded,
                        const PrepareSettings& settings);

}  // namespace dfm::prepare
