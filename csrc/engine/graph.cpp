// SPDX-License-Identifier: Apache-2.0
#include "engine/graph.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "engine/attributes.hpp"
#include "engine/fields.hpp"
#include "engine/shapes.hpp"

namespace flownet2 {
namespace {

struct OpRow {
  const char* name;
  std::size_t least_inputs;
  std::size_t most_inputs;
  bool has_weight;
};

constexpr std::size_t any_number = static_cast<std::size_t>(-1);

/// They bound the time of planning, which grows with their squares; the largest known graph has 163 and
/// 224. Python has the same (graph/validate.py).
constexpr std::size_t most_nodes = 4096;
constexpr std::size_t most_reads = 16384;

/// In the order of Op.
constexpr OpRow op_rows[] = {
    {"conv2d", 1, 1, true},       {"conv_transpose2d", 1, 1, true},
    {"leaky_relu", 1, 1, false},  {"correlation", 2, 2, false},
    {"warp", 2, 2, false},        {"channel_norm", 1, 1, false},
    {"resize", 1, 1, false},      {"concat", 1, any_number, false},
    {"elementwise", 1, 2, false},
};

const OpRow& row(Op op) { return op_rows[static_cast<std::size_t>(op)]; }

Op find_op(const std::string& name, const std::string& node) {
  for (std::size_t i = 0; i < std::size(op_rows); ++i) {
    if (name == op_rows[i].name) return static_cast<Op>(i);
  }
  fail("graph", "node " + quoted(node) + ": unknown operator " + quoted(name));
}

class Parser {
 public:
  Graph parse(const Json& content) {
    check_schema(content);
    const Fields fields(content, "the graph",
                        {"schema", "name", "size_multiple", "inputs", "parameters", "nodes", "outputs"});
    graph_.name = fields.text("name");
    graph_.size_multiple = json_integer(fields.get("size_multiple"), "size_multiple", 1);
    for (const Json& item : fields.list("inputs")) input(item);
    for (const JsonMember& member : fields.map("parameters")) parameter(member);
    for (const Json& item : fields.list("nodes")) node(item);
    for (const JsonMember& member : fields.map("outputs")) output(member);
    check_complete();
    return std::move(graph_);
  }

 private:
  static void check_schema(const Json& content) {
    const Json* schema = nullptr;
    for (const JsonMember& member : json_as<Json::Object>(content, "the graph", "an object")) {
      if (member.key == "schema") schema = &member.value;
    }
    if (schema == nullptr) fail("graph", "the graph lacks 'schema'");
    const std::int64_t* number = schema->as<std::int64_t>();
    if (number == nullptr || *number != 1) {
      fail("graph", "the graph text has another schema; this version reads 1");
    }
  }

  void add_value(const std::string& name) {
    if (!values_.emplace(name, values_.size()).second) fail("graph", quoted(name) + " is used twice");
  }

  void input(const Json& item) {
    const Fields fields(item, "an input", {"name", "channels"});
    const std::string& name = fields.text("name");
    const std::string what = "channels of input " + quoted(name);
    graph_.inputs.push_back({name, json_integer(fields.get("channels"), what, 1)});
    add_value(name);
  }

  void parameter(const JsonMember& member) {
    const std::string what = "shape of parameter " + quoted(member.key);
    GraphParameter result = {member.key, {}};
    for (const Json& size : json_as<Json::Array>(member.value, what, "an array")) {
      result.shape.push_back(json_integer(size, what, 1));
    }
    if (result.shape.empty()) fail("graph", what + " has no axes");
    parameters_.emplace(member.key, graph_.parameters.size());
    graph_.parameters.push_back(std::move(result));
    used_.push_back(false);
  }

  void node(const Json& item) {
    const Fields fields(item, "a node", {"name", "op", "inputs", "attributes", "parameters"});
    GraphNode result;
    result.name = fields.text("name");
    const std::string what = "node " + quoted(result.name);
    result.op = find_op(fields.text("op"), result.name);
    for (const Json& name : fields.list("inputs")) {
      result.inputs.push_back(known_value(json_string(name, "an input of " + what), what));
    }
    const OpRow& op = row(result.op);
    if (result.inputs.size() < op.least_inputs || result.inputs.size() > op.most_inputs) {
      fail("graph",
           what + ": " + op.name + " does not take " + std::to_string(result.inputs.size()) + " inputs");
    }
    result.attributes = parse_attributes(result.op, fields.get("attributes"), result.name);
    if (fields.find("parameters") != nullptr) {
      for (const JsonMember& member : fields.map("parameters")) node_parameter(member, result, what);
    }
    if (op.has_weight && !result.weight) fail("graph", what + " needs the parameter 'weight'");
    add_value(result.name);
    graph_.nodes.push_back(std::move(result));
  }

  std::size_t known_value(const std::string& name, const std::string& what) const {
    const auto found = values_.find(name);
    if (found == values_.end()) {
      fail("graph", what + " reads " + quoted(name) + ", which no input or earlier node provides");
    }
    return found->second;
  }

  void node_parameter(const JsonMember& member, GraphNode& to, const std::string& what) {
    const bool known = row(to.op).has_weight && (member.key == "weight" || member.key == "bias");
    if (!known) fail("graph", what + " has the unknown parameter " + quoted(member.key));
    const std::string& name = json_string(member.value, member.key + " of " + what);
    const auto found = parameters_.find(name);
    if (found == parameters_.end()) {
      fail("graph", what + ": its " + member.key + " " + quoted(name) + " is not among the parameters");
    }
    used_[found->second] = true;
    (member.key == "weight" ? to.weight : to.bias) = found->second;
  }

  void output(const JsonMember& member) {
    const std::string what = "output " + quoted(member.key);
    const auto found = values_.find(json_string(member.value, what));
    if (found == values_.end()) fail("graph", what + " names a value that does not exist");
    graph_.outputs.emplace_back(member.key, found->second);
  }

  void check_complete() const {
    const auto reads = [](std::size_t sum, const GraphNode& node) { return sum + node.inputs.size(); };
    if (graph_.nodes.size() > most_nodes ||
        std::accumulate(graph_.nodes.begin(), graph_.nodes.end(), std::size_t{0}, reads) > most_reads) {
      fail("graph", "the graph has more than " + std::to_string(most_nodes) +
                        " nodes, or they have more than " + std::to_string(most_reads) + " inputs");
    }
    if (graph_.inputs.empty()) fail("graph", "the graph has no inputs");
    if (graph_.outputs.empty()) fail("graph", "the graph has no outputs");
    const auto unused = std::find(used_.begin(), used_.end(), false);
    if (unused != used_.end()) {
      const auto index = static_cast<std::size_t>(unused - used_.begin());
      fail("graph", "no node uses the parameter " + quoted(graph_.parameters[index].name));
    }
  }

  Graph graph_;
  std::unordered_map<std::string, std::size_t> values_;
  std::unordered_map<std::string, std::size_t> parameters_;
  std::vector<bool> used_;
};

}  // namespace

const char* op_name(Op op) { return row(op).name; }

std::optional<std::size_t> Graph::find(std::string_view name_of) const {
  for (const auto& [name_, value] : outputs) {
    if (name_ == name_of) return value;
  }
  for (std::size_t value = 0; value < inputs.size() + nodes.size(); ++value) {
    if (value_name(value) == name_of) return value;
  }
  return std::nullopt;
}

Graph parse_graph(std::string_view text) {
  Graph graph = Parser().parse(parse_json(text));
  std::vector<Shape> smallest;
  for (const GraphInput& input : graph.inputs) {
    smallest.push_back({1, input.channels, graph.size_multiple, graph.size_multiple});
  }
  infer_shapes(graph, smallest, {});
  return graph;
}

}  // namespace flownet2
