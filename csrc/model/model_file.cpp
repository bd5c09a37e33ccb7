// SPDX-License-Identifier: Apache-2.0
#include "model/model_file.hpp"

#include <flownet2/error.hpp>

#include <new>
#include <set>
#include <utility>

#include "cpu/memory.hpp"
#include "model/fit.hpp"
#include "model/safetensors.hpp"
#include "model/shown.hpp"
#include "model/source.hpp"
#include "model/values.hpp"
#include "ops/checks.hpp"

namespace flownet2 {
namespace {

constexpr const char* convert = "flownet2 convert CHECKPOINT -o MODEL.safetensors makes one";

/// What `read` returns; its errors get the file's name.
template <typename Read>
auto naming(const std::string& name, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.code(), name + ": " + error.what());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, name + ": no memory to read it; close other programs");
  }
}

/// The commonest mistake has an answer of its own.
void refuse_checkpoint(const Source& source) {
  unsigned char first[4] = {};
  if (source.size() < sizeof(first)) return;
  source.read(0, first, sizeof(first));
  const bool zip = first[0] == 'P' && first[1] == 'K' && first[2] == 3 && first[3] == 4;
  const bool pickle = first[0] == 0x80 && first[1] == 2 && first[2] == 0x8A;
  if (zip || pickle) bad_file("it is a torch checkpoint, not a model file", convert);
}

std::string text_of(const SafetensorsHeader& header, const char* key) {
  const auto found = header.metadata.find(key);
  return found == header.metadata.end() ? "" : found->second;
}

void check_version(const SafetensorsHeader& header) {
  if (text_of(header, "format") != "flownet2") {
    bad_file("it is a safetensors file, but no model file of flownet2", convert);
  }
  const std::string version = text_of(header, "format_version");
  if (version != "1") {
    bad_file("model file of version " + shown_name(version) + ", this flownet2 reads '1'",
             "a newer flownet2 may read it");
  }
}

/// What `parse` returns; texts inside of the file are the file's content, and not our caller's argument.
template <typename Parse>
auto parsed(const Parse& parse) {
  constexpr std::size_t longest = 500;
  try {
    return parse();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument && error.code() != ErrorCode::too_large) throw;
    bad_file(shown(error.what(), longest));
  }
}

/// Reserved for a stored self-check.
bool is_probe(const std::string& name) { return name.compare(0, 6, "probe.") == 0; }

template <typename Value>
void drop_probes(std::map<std::string, Value>& items) {
  for (auto item = items.begin(); item != items.end();) {
    item = is_probe(item->first) ? items.erase(item) : std::next(item);
  }
}

std::string stored_types(const std::map<std::string, StoredTensor>& tensors) {
  std::set<std::string> names;
  for (const auto& [name, tensor] : tensors) names.insert(type_name(tensor.type));
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " and ") + name;
  return text;
}

/// Nothing wraps: the file has all of them.
std::int64_t numbers(const StoredTensor& tensor) {
  return static_cast<std::int64_t>(tensor.end - tensor.begin) / type_bytes(tensor.type);
}

}  // namespace

/// The open file, and where in it the parameters are.
class ModelFile::Content {
 public:
  static ModelFile read(std::string name, std::unique_ptr<const Source> source) {
    refuse_checkpoint(*source);
    SafetensorsHeader header = read_safetensors_header(*source);
    check_version(header);
    ModelFile result;
    result.graph = parsed([&] { return parse_graph(text_of(header, "graph")); });
    result.preprocess = parsed([&] { return parse_preprocess(text_of(header, "preprocess")); });
    result.probe = read_probe(header, *source);
    drop_probes(header.tensors);
    check_fit(result.graph, header.tensors);
    for (const auto& item : header.tensors) result.parameters += numbers(item.second);
    result.stored = stored_types(header.tensors);
    result.facts = std::move(header.metadata);
    for (const char* own : {"format", "format_version", "graph", "preprocess"}) result.facts.erase(own);
    drop_probes(result.facts);
    auto content = std::make_shared<Content>();
    content->name_ = std::move(name);
    content->source_ = std::move(source);
    content->data_ = header.data;
    content->tensors_ = std::move(header.tensors);
    result.content_ = std::move(content);
    return result;
  }

  const std::string& name() const { return name_; }

  Parameter parameter(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) fail("model", "there is no parameter " + shown_name(name));
    const StoredTensor& tensor = found->second;
    const std::uint64_t offset = data_ + tensor.begin;
    const std::int64_t count = numbers(tensor);
    if (const float* in_place = floats_in_place(*source_, offset, tensor.type)) {
      check_finite(name, all_finite(in_place, count));
      return {tensor.shape, in_place, nullptr};
    }
    AlignedFloats floats = aligned_floats(shown_name(name).c_str(), count);
    check_finite(name, read_floats(*source_, offset, tensor.type, count, floats.get()));
    const std::shared_ptr<const float[]> owner = std::move(floats);
    return {tensor.shape, owner.get(), owner};
  }

 private:
  static void check_finite(const std::string& name, bool finite) {
    if (finite) return;
    bad_file(shown_name(name) + " holds NaN or infinite values",
             "get the file again, or write it again from finite weights");
  }

  std::string name_;
  std::unique_ptr<const Source> source_;
  std::uint64_t data_ = 0;
  std::map<std::string, StoredTensor> tensors_;
};

ModelFile ModelFile::open(const std::string& path) {
  const std::string name = shown(path);
  return naming(name, [&] { return Content::read(name, open_file(path)); });
}

ModelFile ModelFile::view(const void* data, std::size_t bytes) {
  const std::string name = "model in memory";
  return naming(name, [&] { return Content::read(name, view_memory(data, bytes)); });
}

const std::string& ModelFile::name() const { return content_->name(); }

Parameter ModelFile::parameter(const std::string& name) const {
  return naming(content_->name(), [&] { return content_->parameter(name); });
}

}  // namespace flownet2
