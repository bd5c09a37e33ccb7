// SPDX-License-Identifier: Apache-2.0
// A model file (docs/model-format.md): header checked when it is opened, weights read one by one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/network.hpp"
#include "model/preprocess_record.hpp"
#include "model/probe.hpp"

namespace flownet2 {

class ModelFile {
 public:
  /// Throws Error (unreadable_file, bad_model_file) that names the file; bad_model_file too where
  /// tensors are missing, unexpected or misshapen, all listed.
  static ModelFile open(const std::string& path);
  /// The same from memory, which must outlive this.
  static ModelFile view(const void* data, std::size_t bytes);

  Graph graph;
  std::int64_t parameters = 0;  // numbers in all weights
  std::string stored;           // dtypes of the weights, such as "float16 and float32"
  Preprocess preprocess;
  std::map<std::string, std::string> facts;
  std::optional<Probe> probe;

  /// Of the file, for messages.
  const std::string& name() const;

  /// One parameter of the graph as float32; throws Error (unreadable_file, bad_model_file) if the file
  /// was changed since it was opened, or holds NaN or infinite values.
  Parameter parameter(const std::string& name) const;

 private:
  ModelFile() = default;

  class Content;
  std::shared_ptr<const Content> content_;
};

}  // namespace flownet2
