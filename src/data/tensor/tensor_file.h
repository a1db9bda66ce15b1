// The tensors of a training sample as Python's tools write them, read and written without Python: `.pth`
// files of torch.save and `.pickle` files of pickle.dumps. Nothing of a file is executed; only tensors and
// plain values are built (spec/energon.md section 8).
//
//   const Array latent = read_pth(part, "000012.pth");
//   write_durably(path, write_pth(latent));
//
// Arrays come out dense, row-major and in the machine's byte order, whatever views, transposes, Fortran
// orders or big-endian numpy types the file holds. Data errors begin with `what`, which names the file: a
// global that is not permitted, an element type that dfm::DType lacks (complex, float8, unsigned but uint8),
// and every kind of damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/array.h"
#include "data/tensor/array_view.h"
#include "data/tensor/byte_range.h"
#include "data/tensor/tensor_parts.h"

namespace dfm::data {

// What torch.save(tensor) wrote, as a ZIP archive or as the stream of versions before 1.6. The file must hold
// exactly one tensor (or nn.Parameter), not a list or dict of them.
Array read_pth(std::span<const std::byte> bytes, std::string_view what);

// A file of any format that a part of a sample may have. A pickle holds a numpy array, a torch tensor, or a
// list or tuple whose first item is one (the further items are not looked at).
Array read_tensor(const ByteRange& file, const TensorPart& part, std::string_view what,
                  const LookAtElements& look = {});

struct TensorHeader {
  DType dtype = DType::float32;
  Shape shape;

  bool operator==(const TensorHeader&) const = default;
};

// The same without the elements: a few KiB are read at the two ends of the file (for pickles of protocol 2,
// all of it in the case of tensors). What only reading the elements can show, such as a CRC that differs,
// passes.
TensorHeader read_tensor_header(const ByteRange& file, const TensorPart& part, std::string_view what);

// A file for torch.load, also with weights_only=True: a stored ZIP archive with the elements aligned to 64
// bytes and no time stamps, so that equal arrays give equal files. Throws a data error for 4 GiB or more.
std::vector<std::byte> write_pth(const Array& array);

// A file for pickle.load with numpy 1 or 2, protocol 4. Throws a data error for bfloat16, which numpy does
// not have.
std::vector<std::byte> write_numpy_pickle(const Array& array);

}  // namespace dfm::data
