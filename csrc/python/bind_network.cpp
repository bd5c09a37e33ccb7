// SPDX-License-Identifier: Apache-2.0
// flownet2._core.Network. The GIL is released while a network is made and while it runs; a run on the
// main thread takes it back every few milliseconds to see whether Ctrl-C was pressed.
#include <flownet2/error.hpp>

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpu/dispatch.hpp"
#include "engine/network.hpp"
#include "python/bindings.hpp"
#include "python/gil.hpp"
#include "python/numpy_view.hpp"
#include "python/parameters.hpp"

namespace flownet2::python {
namespace {

Precision precision_named(const std::string& name) {
  if (name == "float32") return Precision::float32;
  if (name == "bfloat16") return Precision::bfloat16;
  throw Error(ErrorCode::invalid_argument,
              "network: precision must be float32 or bfloat16, got '" + name + "'");
}

std::unique_ptr<Network> make_network(const std::string& graph_text, const py::function& parameter,
                                      const std::string& precision,
                                      const std::optional<std::string>& isa) {
  const Precision chosen = precision_named(precision);
  const CallSettings settings = {isa ? &kernels_named(*isa) : nullptr, 0};
  std::unique_ptr<Network> network;
  PythonParameters(parameter).run([&](const ParameterSource& source) {
    network =
        std::make_unique<Network>(parse_graph(graph_text), source, NetworkOptions{chosen, settings});
  });
  return network;
}

/// Looks for signals between the pieces of a run; keeps what their handlers raise.
class SignalPoll {
 public:
  /// Calls compute(stop) without the GIL; stop() tells whether a handler raised. What it raised, or what
  /// compute throws, is thrown.
  template <typename Compute>
  void run(const Compute& compute) {
    std::exception_ptr error;
    state_ = PyEval_SaveThread();
    try {
      compute([this] { return raised(); });
    } catch (...) {
      error = std::current_exception();
    }
    take_gil(state_);
    if (signal_) std::rethrow_exception(std::exchange(signal_, nullptr));
    if (error) std::rethrow_exception(error);
  }

 private:
  bool raised() {
    take_gil(state_);
    if (PyErr_CheckSignals() != 0) signal_ = std::make_exception_ptr(py::error_already_set());
    state_ = PyEval_SaveThread();
    return signal_ != nullptr;
  }

  PyThreadState* state_ = nullptr;
  std::exception_ptr signal_;
};

std::vector<NamedInput> input_views(const py::dict& inputs) {
  std::vector<NamedInput> views;
  for (const auto& [key, array] : inputs) {
    const auto name = py::cast<std::string>(key);
    views.push_back({name, view("network", name.c_str(), py::reinterpret_borrow<py::object>(array))});
  }
  return views;
}

std::vector<NamedShape> shapes_of(const std::vector<NamedInput>& inputs) {
  std::vector<NamedShape> shapes;
  for (const NamedInput& input : inputs) shapes.push_back({input.name, input.view.shape});
  return shapes;
}

/// name -> new array, for each of the outputs.
py::dict run(const Network& network, const py::dict& inputs, const std::vector<std::string>& outputs,
             bool interruptible, RunOptions options) {
  const std::vector<NamedInput> views = input_views(inputs);
  const std::vector<Shape> shapes = network.output_shapes(shapes_of(views), outputs);
  py::dict result;
  std::vector<NamedOutput> out_views;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (result.contains(outputs[i])) continue;
    const NewArray out(shapes[i]);
    result[py::str(outputs[i])] = out.array;
    out_views.push_back({outputs[i], out.view});
  }
  if (interruptible) {
    SignalPoll().run([&](auto stop) {
      options.stop = stop;
      network.run(views, out_views, options);
    });
  } else {
    without_gil([&] { network.run(views, out_views, options); });
  }
  return result;
}

py::dict run_py(const Network& network, const py::dict& inputs, const std::vector<std::string>& outputs,
                bool interruptible, bool exact_graph) {
  RunOptions options;
  options.exact_graph = exact_graph;
  return run(network, inputs, outputs, interruptible, options);
}

/// A run whose results are dropped: [(names, op, milliseconds)] of its steps.
py::list profile_py(const Network& network, const py::dict& inputs,
                    const std::vector<std::string>& outputs) {
  std::vector<StepTime> times;
  RunOptions options;
  options.times = &times;
  run(network, inputs, outputs, true, options);
  py::list result;
  for (const StepTime& time : times)
    result.append(py::make_tuple(time.values, time.op, time.milliseconds));
  return result;
}

py::list writes_py(const std::vector<ValueRanges>& writes) {
  py::list result;
  for (const ValueRanges& item : writes) {
    for (const ArenaRange& range : item.ranges) {
      result.append(py::make_tuple(range.begin, range.end, item.value));
    }
  }
  return result;
}

py::list ranges_py(const std::vector<ArenaRange>& ranges) {
  py::list result;
  for (const ArenaRange& range : ranges) result.append(py::make_tuple(range.begin, range.end));
  return result;
}

/// (bytes of the arena, [(names, op, ranges that are read, ranges that are written and their names)])
py::tuple plan_py(const Network& network, const py::dict& shapes,
                  const std::vector<std::string>& outputs, bool exact_graph) {
  std::vector<NamedShape> named;
  for (const auto& [name, shape] : shapes) {
    const auto [n, c, h, w] =
        py::cast<std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>>(shape);
    named.push_back({py::cast<std::string>(name), {n, c, h, w}});
  }
  const PlanInfo info = network.plan_info(named, outputs, exact_graph);
  py::list steps;
  for (const StepInfo& step : info.steps) {
    steps.append(py::make_tuple(step.values, step.op, ranges_py(step.reads), writes_py(step.writes)));
  }
  return py::make_tuple(info.arena_bytes, steps);
}

}  // namespace

void bind_network(py::module_& m) {
  py::class_<Network>(m, "Network", py::is_final())
      .def(py::init(&make_network), py::arg("graph_text"), py::arg("parameter"), py::kw_only(),
           py::arg("precision") = "float32", py::arg("isa") = py::none())
      .def("run", run_py, py::arg("inputs"), py::arg("outputs"), py::kw_only(),
           py::arg("interruptible") = false, py::arg("exact_graph") = false)
      .def("profile", profile_py, py::arg("inputs"), py::arg("outputs"))
      .def("plan", plan_py, py::arg("shapes"), py::arg("outputs"), py::kw_only(),
           py::arg("exact_graph") = false);
}

}  // namespace flownet2::python
