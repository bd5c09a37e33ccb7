// SPDX-License-Identifier: Apache-2.0
// The arguments of the correlation kernels, for the host and for the device.
#pragma once

namespace flownet2::cuda {

/// All tensors are NHWC; a pitch is the distance of two pixels in elements, so that each may be a slice
/// of the channels of a wider tensor. With r = reach, D = 2 * r + 1:
///   out[n, y, x, iy * D + ix] = leaky(scale * sum over c of
///       a[n, y, x, c] * b[n, y + (iy - r) * stride, x + (ix - r) * stride, c]); b counts as 0 outside.
struct CorrelationArgs {
  const void* a;
  const void* b;
  void* out;
  int a_pitch, b_pitch, out_pitch;
  int n, h, w, c;
  int reach, stride;
  float scale, slope;
};

}  // namespace flownet2::cuda
