// SPDX-License-Identifier: Apache-2.0
#include "ops/winograd_geometry.hpp"

namespace flownet2 {
namespace {

WinogradKind kind_of(const ConvolutionSpec& spec) {
  if (spec.transposed) return WinogradKind::transposed;
  return spec.sh == 2 ? WinogradKind::strided : WinogradKind::plain;
}

}  // namespace

bool winograd_serves(const ConvolutionSpec& spec) {
  if (spec.kh != spec.kw || spec.sh != spec.sw || spec.ph != spec.pw) return false;
  if (spec.transposed) return spec.kh == 4 && spec.sh == 2 && spec.ph == 1;
  return (spec.sh == 1 && spec.kh == 3) ||
         (spec.sh == 2 && (spec.kh == 3 || spec.kh == 5 || spec.kh == 7));
}

WinogradGeometry::WinogradGeometry(const ConvolutionSpec& spec)
    : kind_(kind_of(spec)),
      kernel_(spec.kh),
      padding_(spec.ph),
      taps_(kind_ == WinogradKind::plain ? spec.kh : (spec.kh + 1) / 2) {}

std::int64_t WinogradGeometry::kernel_index(std::int64_t t, std::int64_t phase) const {
  switch (kind_) {
    case WinogradKind::strided: {
      const std::int64_t index = phase + 2 * t;
      return index < kernel_ ? index : -1;
    }
    case WinogradKind::transposed:
      return 3 - phase - 2 * t;
    default:
      return t;
  }
}

}  // namespace flownet2
