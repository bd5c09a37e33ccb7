// SPDX-License-Identifier: Apache-2.0
#include "model/fit.hpp"

#include <flownet2/error.hpp>

#include <unordered_set>

#include "model/shown.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

/// Faults of one kind: how many, and the first few.
class Section {
 public:
  explicit Section(const char* kind) : kind_(kind) {}

  void add(const std::string& fault) {
    if (++count_ <= most_shown) lines_ += "\n    " + fault;
  }

  std::string text() const {
    if (count_ == 0) return "";
    const std::string more =
        count_ > most_shown ? "\n    and " + std::to_string(count_ - most_shown) + " more" : "";
    return "\n  " + std::to_string(count_) + " " + kind_ + ":" + lines_ + more;
  }

 private:
  static constexpr std::size_t most_shown = 10;

  const char* kind_;
  std::size_t count_ = 0;
  std::string lines_;
};

}  // namespace

void check_fit(const Graph& graph, const std::map<std::string, StoredTensor>& tensors) {
  Section missing("missing");
  Section unexpected("unexpected");
  Section misshapen("misshapen");
  Section unusable("unusable");
  std::unordered_set<std::string> wanted;
  for (const GraphParameter& parameter : graph.parameters) {
    wanted.insert(parameter.name);
    const std::string name = shown_name(parameter.name);
    const auto found = tensors.find(parameter.name);
    if (found == tensors.end()) {
      missing.add(name + " " + to_string(parameter.shape));
      continue;
    }
    const StoredTensor& tensor = found->second;
    if (tensor.shape != parameter.shape) {
      misshapen.add(name + ": expected " + to_string(parameter.shape) + ", got " +
                    to_string(tensor.shape));
    }
    if (!is_float(tensor.type)) {
      unusable.add(name + ": dtype " + type_name(tensor.type) + ", expected a float");
    }
  }
  for (const auto& [name, tensor] : tensors) {
    if (wanted.count(name) == 0) unexpected.add(shown_name(name) + " " + to_string(tensor.shape));
  }
  const std::string faults = missing.text() + unexpected.text() + misshapen.text() + unusable.text();
  if (!faults.empty()) {
    throw Error(ErrorCode::bad_model_file,
                "its tensors do not fit the network " + shown_name(graph.name) + ":" + faults);
  }
}

}  // namespace flownet2
