// SPDX-License-Identifier: Apache-2.0
// What a caller may pass as pictures: the rules of src/flownet2/pictures.py.
#pragma once

#include <flownet2/model.hpp>

#include <cstdint>
#include <vector>

namespace flownet2 {

/// Throws Error unless all pictures have one size and one pixel type, and float ones lie in 0..1 (a
/// little beyond, as resampling leaves them).
void check_pairs(const std::vector<ImagePair>& pairs);

/// Pixels of one channel, `count` from column `first` of a row on: 8-bit pictures as they are.
void read_pixels(const ImageView& image, std::int64_t row, std::int64_t channel, std::int64_t first,
                 std::int64_t count, std::uint8_t* out);

/// Those of 16-bit pictures, divided by 65535, and of float ones.
void read_pixels(const ImageView& image, std::int64_t row, std::int64_t channel, std::int64_t first,
                 std::int64_t count, float* out);

}  // namespace flownet2
