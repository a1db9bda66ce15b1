// libavformat with what it needs, loaded when the first sound or video is met: loading it takes longer than
// all else that dfm_index does at its start, and most data sets have neither.
//
//   const LibavLibrary& libav = libav_library();
//   AVFormatContext* input = libav.avformat_alloc_context();
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

namespace dfm::data {

#define DFM_LIBAV_FUNCTIONS(FUNCTION)     \
  FUNCTION(av_frame_alloc)                \
  FUNCTION(av_frame_free)                 \
  FUNCTION(av_frame_unref)                \
  FUNCTION(av_freep)                      \
  FUNCTION(av_log_set_level)              \
  FUNCTION(av_malloc)                     \
  FUNCTION(av_packet_alloc)               \
  FUNCTION(av_packet_free)                \
  FUNCTION(av_packet_unref)               \
  FUNCTION(av_read_frame)                 \
  FUNCTION(av_rescale_q)                  \
  FUNCTION(av_seek_frame)                 \
  FUNCTION(av_strerror)                   \
  FUNCTION(avcodec_alloc_context3)        \
  FUNCTION(avcodec_find_decoder)          \
  FUNCTION(avcodec_free_context)          \
  FUNCTION(avcodec_open2)                 \
  FUNCTION(avcodec_parameters_to_context) \
  FUNCTION(avcodec_receive_frame)         \
  FUNCTION(avcodec_send_packet)           \
  FUNCTION(avformat_alloc_context)        \
  FUNCTION(avformat_close_input)          \
  FUNCTION(avformat_find_stream_info)     \
  FUNCTION(avformat_open_input)           \
  FUNCTION(avio_alloc_context)            \
  FUNCTION(avio_context_free)

// Its functions under their own names.
struct LibavLibrary {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member is declared by its bare name.
#define DFM_LIBAV_MEMBER(name) decltype(::name)* name = nullptr;
  DFM_LIBAV_FUNCTIONS(DFM_LIBAV_MEMBER)
#undef DFM_LIBAV_MEMBER
};

// The version that dfm was compiled for. A usage error with the remedy where it cannot be loaded. It stays
// loaded.
const LibavLibrary& libav_library();

}  // namespace dfm::data
