// SPDX-License-Identifier: Apache-2.0
// A model file's check of itself (docs/model-format.md): the flow that made-up pictures had where it was
// written.
#pragma once

#include <flownet2/image.hpp>
#include <flownet2/model.hpp>

#include <cstdint>
#include <optional>
#include <vector>

#include "model/safetensors.hpp"
#include "model/source.hpp"

namespace flownet2 {

struct Probe {
  std::uint32_t seed = 0;
  ImageSize size;
  std::vector<float> flow;   // (H, W, 2)
  float bfloat16_px = 0.0f;  // mean length of the difference that bfloat16 made
};

/// None where the file has none of a form that is known here. Throws Error (bad_model_file, and what
/// reading throws) without the file's name: it holds NaN or infinite values.
std::optional<Probe> read_probe(const SafetensorsHeader& header, const Source& source);

/// (H, W, 3) RGB: blocks of pixels, and the same moved.
struct ProbePictures {
  std::vector<std::uint8_t> first;
  std::vector<std::uint8_t> second;
};

ProbePictures probe_pictures(const Probe& probe);

/// The flow of these pictures beside the stored one.
SelfCheck compare(const Probe& probe, const float* flow, Precision precision);

}  // namespace flownet2
