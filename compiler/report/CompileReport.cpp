// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The data of a report, at the reference shape.
#include "compiler/report/CompileReport.h"

#include "compiler/pipeline/CostModel.h"
#include "passes/schedule/ScheduleKey.h"
#include "llvm/ADT/MapVector.h"
#include "mlir/Pass/Pass.h"

using namespace sinter;
namespace json = llvm::json;

static int64_t countBelow(mlir::Operation *op) {
  int64_t count = 0;
  op->walk([&](mlir::Operation *) { ++count; });
  return count;
}

void PassRecorder::runBeforePass(mlir::Pass *, mlir::Operation *op) {
  open.push_back({countBelow(op), Clock::now()});
}

void PassRecorder::runAfterPass(mlir::Pass *pass, mlir::Operation *op) {
  auto [before, begin] = open.back();
  open.pop_back();
  if (pass->getArgument().empty())
    return; // an adaptor: its passes were counted
  effects.push_back(
      {pass->getArgument().str(), before, countBelow(op),
       std::chrono::duration<double, std::milli>(Clock::now() - begin)
           .count()});
}

namespace {

// All launches of one define.
struct KernelRow {
  std::vector<std::string> nodes;
  int64_t launches = 0;
  double macs = 0, bytes = 0, us = 0;
  exec::LaunchOp first;
};

} // namespace

static void addNodes(mlir::Location location, std::vector<std::string> &nodes) {
  location->walk([&](mlir::Location inner) {
    if (auto named = mlir::dyn_cast<mlir::NameLoc>(inner)) {
      std::string name = json::fixUTF8(named.getName().getValue());
      if (!llvm::is_contained(nodes, name))
        nodes.push_back(std::move(name));
    }
    return mlir::WalkResult::advance();
  });
}

// "1x56x56x64xf32": an operand of a launch at the reference shape.
static std::string shapeOf(mlir::Type type, exec::LaunchOp launch,
                           const ReferenceShape &reference) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (auto panels = mlir::dyn_cast<kernel::PanelsType>(type)) {
    stream << "panels " << panels.getGroups() << "x" << panels.getK() << "x"
           << panels.getN() << "x" << panels.getElement();
    return text;
  }
  auto view = mlir::cast<kernel::ViewType>(type);
  llvm::ArrayRef<sym::DimAttr> params = launch.getParams().getDims();
  for (sym::DimAttr dim : view.getDims()) {
    sym::DimAttr actual =
        sym::substitute(dim, [&](llvm::StringRef name) -> sym::DimAttr {
          unsigned index = 0;
          bool isFormal = name.consume_front("p") &&
                          !name.getAsInteger(10, index) &&
                          index < params.size();
          return isFormal ? params[index] : sym::DimAttr();
        });
    stream << reference.evaluate(actual).value_or(0) << "x";
  }
  stream << view.getElement();
  return text;
}

static json::Array schedulesOf(kernel::DefineOp define) {
  json::Array list;
  if (std::optional<mlir::ArrayAttr> schedules = define.getSchedules())
    for (auto schedule : schedules->getAsRange<kernel::ScheduleAttr>())
      list.push_back(json::Object{{"isa", schedule.getIsa().getValue()},
                                  {"tile_m", schedule.getTileM()},
                                  {"tile_n", schedule.getTileN()},
                                  {"unroll", schedule.getUnroll()},
                                  {"prefetch", schedule.getPrefetch()}});
  return list;
}

static json::Object describeKernel(kernel::DefineOp define,
                                   const KernelRow &row, double totalUs,
                                   const ReferenceShape &reference) {
  json::Array inputs, outputs, nodes;
  size_t count = define.getBody().getNumArguments() - define.getNumOutputs();
  for (auto [i, type] : llvm::enumerate(define.getBody().getArgumentTypes()))
    (i < count ? inputs : outputs)
        .push_back(shapeOf(type, row.first, reference));
  for (const std::string &node : row.nodes)
    nodes.push_back(node);
  json::Array blocks;
  for (int64_t block : define.getBlocks().value_or(llvm::ArrayRef<int64_t>()))
    blocks.push_back(block);
  return json::Object{{"name", define.getSymName()},
                      {"root", define.getRoot()->getName().stripDialect()},
                      {"key", schedule::scheduleKey(define)},
                      {"nodes", std::move(nodes)},
                      {"launches", row.launches},
                      {"inputs", std::move(inputs)},
                      {"outputs", std::move(outputs)},
                      {"schedules", schedulesOf(define)},
                      {"blocks", std::move(blocks)},
                      {"scratch", int64_t(define.getScratch().value_or(0))},
                      {"macs", int64_t(row.macs)},
                      {"bytes", int64_t(row.bytes)},
                      {"us", row.us},
                      {"share", totalUs > 0 ? row.us / totalUs : 0.0}};
}

// Every buffer: where it lies and from which launch to which it lives.
static json::Array describeArena(exec::ProgramOp program,
                                 const ReferenceShape &reference) {
  llvm::DenseMap<mlir::Operation *, int64_t> positions;
  int64_t position = 0;
  program.walk<mlir::WalkOrder::PreOrder>([&](mlir::Operation *op) {
    positions[op] = position;
    position += mlir::isa<exec::LaunchOp>(op);
  });
  exec::LateSizes late(program);
  llvm::DenseMap<mlir::Value, int64_t> ends;
  json::Array buffers;
  for (auto alloc : program.getOps<exec::AllocOp>()) {
    int64_t offset = 0, first = position, last = 0;
    for (mlir::Value below : alloc.getAbove())
      offset = std::max(offset, ends.lookup(below));
    int64_t bytes =
        reference.evaluate(late.bound(alloc.getBytes())).value_or(0);
    ends[alloc.getResult()] = (offset + bytes + 63) / 64 * 64;
    std::vector<std::string> nodes;
    mlir::Operation *maker = nullptr;
    for (mlir::Operation *user : alloc->getUsers()) {
      if (mlir::isa<exec::AllocOp>(user))
        continue; // one that lies above
      if (positions.lookup(user) <= first)
        maker = user;
      first = std::min(first, positions.lookup(user));
      last = std::max(last, positions.lookup(user));
    }
    if (maker)
      addNodes(maker->getLoc(), nodes);
    buffers.push_back(
        json::Object{{"offset", offset},
                     {"bytes", bytes},
                     {"first", first},
                     {"last", last},
                     {"node", nodes.empty() ? std::string() : nodes.back()}});
  }
  return buffers;
}

static json::Array describePasses(const std::vector<PassEffect> &passes) {
  json::Array list;
  for (const PassEffect &pass : passes)
    list.push_back(json::Object{{"pass", pass.name},
                                {"operations_before", pass.before},
                                {"operations_after", pass.after},
                                {"ms", pass.ms}});
  return list;
}

static json::Object describeReference(exec::ProgramOp program,
                                      const ReferenceShape &reference) {
  json::Object values;
  for (auto symbol : program.getOps<exec::SymbolOp>())
    values[json::fixUTF8(symbol.getName())] =
        reference.valueOf(symbol.getName());
  return values;
}

json::Object sinter::makeReport(const ReportInputs &inputs) {
  mlir::ModuleOp module = inputs.module;
  auto program = module.lookupSymbol<exec::ProgramOp>("main");
  ReferenceShape reference(program);
  CostModel cost(module, program, *cpu::findTarget(inputs.isas.front()));
  llvm::MapVector<kernel::DefineOp, KernelRow> rows;
  double us = 0, macs = 0, bytes = 0;
  int64_t launches = 0;
  for (const KernelCost &launch : cost.launches(reference)) {
    KernelRow &row = rows[launch.define];
    if (row.launches++ == 0)
      row.first = launch.launch;
    addNodes(launch.launch->getLoc(), row.nodes);
    row.macs += launch.macs;
    row.bytes += launch.bytes;
    row.us += launch.us;
    us += launch.us;
    macs += launch.macs;
    bytes += launch.bytes;
    ++launches;
  }
  auto ordered = rows.takeVector();
  llvm::sort(ordered, [](auto &a, auto &b) {
    return std::make_pair(-a.second.us, a.first.getSymName()) <
           std::make_pair(-b.second.us, b.first.getSymName());
  });
  json::Array kernels;
  for (auto &[define, row] : ordered) {
    json::Object kernel = describeKernel(define, row, us, reference);
    for (size_t i = 0; i < inputs.codeBytes.size(); ++i)
      if (inputs.image.kernels[i] == define)
        kernel["code_bytes"] = inputs.codeBytes[i];
    kernels.push_back(std::move(kernel));
  }
  return json::Object{
      {"model", json::fixUTF8(inputs.options.modelPath)},
      {"isas", json::Array(inputs.isas)},
      {"reference", describeReference(program, reference)},
      {"totals",
       json::Object{{"us", us},
                    {"macs", int64_t(macs)},
                    {"bytes", int64_t(bytes)},
                    {"launches", launches},
                    {"kernels", int64_t(inputs.image.kernels.size())},
                    {"arena_bytes", cost.arenaBytes(reference)},
                    {"weights_bytes", int64_t(inputs.image.weightsBytes)},
                    {"image_bytes", int64_t(inputs.image.image.size())}}},
      {"kernels", std::move(kernels)},
      {"arena", describeArena(program, reference)},
      {"passes", describePasses(inputs.passes)}};
}
