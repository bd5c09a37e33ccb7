// SPDX-License-Identifier: Apache-2.0
// Everything public. Flow of two pictures:
//
//   flownet2::Model model("flownet2-lite.safetensors");
//   flownet2::Flow flow = model.flow(flownet2::interleaved(rgb1, height, width),
//                                    flownet2::interleaved(rgb2, height, width));
//   std::printf("the first pixel moved by %g, %g pixels\n", flow.u(0, 0), flow.v(0, 0));
//
// Errors are flownet2::Error. More in docs/embedding.md; for C and other languages: flownet2.h.
#pragma once

#include <flownet2/array_view.hpp>
#include <flownet2/error.hpp>
#include <flownet2/image.hpp>
#include <flownet2/model.hpp>
#include <flownet2/ops.hpp>
#include <flownet2/runtime.hpp>
#include <flownet2/version.h>
