#include "data/energon/sample_types.h"

#include <algorithm>

namespace dfm::data {
namespace {

constexpr std::string_view kText = "<class 'str'>", kTensor = "<class 'torch.Tensor'>";
constexpr std::string_view kTexts = "typing.List[str]", kTensors = "typing.List[torch.Tensor]";
constexpr std::string_view kMaybeTexts = "typing.Optional[typing.List[str]]";
constexpr std::string_view kMaybeTensor = "typing.Optional[torch.Tensor]";
constexpr std::string_view kMaybeTensors = "typing.Optional[typing.List[torch.Tensor]]";
constexpr std::string_view kNone = "None";

constexpr SampleField kImage{"image", kTensor, ""}, kContext{"context", kText, ""},
    kRecognised{"text", kText, ""};
constexpr SampleField kAnswers{"answers", kMaybeTexts, kNone},
    kWeights{"answer_weights", kMaybeTensor, kNone};
constexpr SampleField kWordBoxes{"words_boxes", kMaybeTensor, kNone},
    kWords{"words_text", kMaybeTexts, kNone};

const std::vector<SampleType>& table() {
  static const std::vector<SampleType> kTypes{
      {"CaptioningSample", "CaptioningSample", {kImage, {"caption", kText, ""}}},
      {"ImageClassificationSample",
       "ImageClassificationSample",
       {kImage, {"label", "typing.Optional[int]", kNone}, {"label_name", "typing.Optional[str]", kNone}}},
      {"ImageSample", "ImageSample", {kImage}},
      {"InterleavedSample",
       "InterleavedSample",
       {{"sequence", "typing.List[typing.Union[torch.Tensor, str]]", ""}}},
      {"MultiChoiceVQASample",
       "MultiChoiceVQASample",
       {kImage, kContext, {"choices", kMaybeTexts, kNone}, {"correct_choice_idx", "<class 'int'>", "0"}}},
      {"OCRSample",
       "OCRSample",
       {kImage,
        kRecognised,
        {"block_boxes", kMaybeTensor, kNone},
        {"block_classes", "typing.Union[torch.Tensor, typing.List[str], NoneType]", kNone},
        {"block_text", kMaybeTexts, kNone},
        {"lines_boxes", kMaybeTensor, kNone},
        {"lines_text", kMaybeTexts, kNone},
        kWordBoxes,
        kWords,
        {"chars_boxes", kMaybeTensor, kNone},
        {"chars_text", kMaybeTexts, kNone}}},
      {"Sample", "Sample", {}},
      {"SimilarityInterleavedSample",
       "SimilarityInterleavedSample",
       {{"images", kTensors, ""},
        {"texts", kTexts, ""},
        {"audio", kMaybeTensors, kNone},
        {"video", kMaybeTensors, kNone},
        {"similarity_matrix", kMaybeTensor, kNone},
        {"matched_text_indices", "typing.Optional[typing.List[int]]", kNone}}},
      {"TextSample", "TextSample", {kRecognised}},
      {"VQASample", "VQASample", {kImage, kContext, kAnswers, kWeights}},
      {"VidQASample",
       "VidQASample",
       {{"video", "<class 'megatron.energon.av.av_decoder.AVDecoder'>", ""}, kContext, kAnswers, kWeights}},
      {kCrudeType, "Crude sample (plain dict for cooking)", {}}};
  return kTypes;
}

}  // namespace

std::span<const SampleType> sample_types() { return table(); }

const SampleType* find_sample_type(std::string_view name) {
  const auto place = std::ranges::find(table(), name, &SampleType::name);
  return place == table().end() ? nullptr : &*place;
}

}  // namespace dfm::data
