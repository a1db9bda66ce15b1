// Pictures to the size that a model wants.
//
//   const Image square = resize_and_crop(image, 512, 512, ResizeMode::bicubic);
//   const Image as_it_is = crop_to_multiple(image, 16);
//
// The kernels are Pillow's (and torchvision's with antialias): widened by the factor when a picture shrinks,
// so that every source pixel counts. Positions and bounds are whole-number arithmetic and sums are
// fixed-point: the same bits everywhere.
#pragma once

#include <string_view>

#include "media/image.h"

namespace dfm::media {

// bicubic is Catmull-Rom (a = -1/2), lanczos has three lobes, area is the mean of the source area that a
// pixel covers.
enum class ResizeMode { bilinear, bicubic, nearest, area, lanczos };

// A usage error for any other name.
ResizeMode parse_resize_mode(std::string_view name);

// The middle of the picture, as large as the aspect ratio width : height allows, scaled to width x height
// pixels: what scaling to cover and cropping the centre give, in one step. Throws a data error for a size
// that make_image refuses.
Image resize_and_crop(const Image& image, int width, int height, ResizeMode mode);

// The whole picture, as large as fits into width x height pixels at its own aspect ratio (sides are rounded
// down).
Image resize_inside(const Image& image, int width, int height, ResizeMode mode);

// The whole picture, each side scaled by its own factor.
Image stretch(const Image& image, int width, int height, ResizeMode mode);

// The middle, with both sides cut to multiples of `multiple`. A picture with a shorter side is a data error.
Image crop_to_multiple(const Image& image, int multiple);

}  // namespace dfm::media
