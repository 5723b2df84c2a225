// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A report as a page: tables, and the arena over the launches of a run as a
// picture. Everything is inside; names of the model are escaped.
#include "compiler/report/CompileReport.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace sinter;
namespace json = llvm::json;

static const char *const style = R"(
:root { color-scheme: light dark; --line: #8884; --bar: #3b7dd8; }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.facts { color: #888; margin-top: 0; }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; }
.cards div { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .9rem; }
.cards b { display: block; font-size: 1.15rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.shape { font-family: ui-monospace, monospace; font-size: 12px; }
.bar { background: var(--bar); height: .55rem; border-radius: .2rem; min-width: 1px; }
svg { width: 100%; height: auto; border: 1px solid var(--line); }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; }
)";

static std::string escaped(llvm::StringRef text) {
  std::string result;
  llvm::raw_string_ostream stream(result);
  llvm::printHTMLEscaped(text, stream);
  return result;
}

// 12.3 M, 4.56 G: three digits.
static std::string scaled(double value, const char *unit) {
  static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
  int step = 0;
  for (; value >= 1000 && step < 5; ++step)
    value /= 1000;
  int digits = value >= 100 || step == 0 ? 0 : value >= 10 ? 1 : 2;
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::format("%.*f", digits, value) << " " << prefixes[step] << unit;
  return text;
}

static std::string number(double value, int digits) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.*f", digits, value);
  return text;
}

static double numberAt(const json::Object &object, llvm::StringRef key) {
  return object.getNumber(key).value_or(0);
}

static std::string textsAt(const json::Object &object, llvm::StringRef key,
                           size_t most) {
  std::string text;
  const json::Array *list = object.getArray(key);
  for (size_t i = 0; list && i < list->size(); ++i) {
    if (i == most)
      return text + ", and " + std::to_string(list->size() - most) + " more";
    if (auto value = (*list)[i].getAsString())
      text += (i ? ", " : "") + escaped(*value);
  }
  return text;
}

static void writeTotals(const json::Object &report, llvm::raw_ostream &out) {
  const json::Object &totals = *report.getObject("totals");
  auto card = [&](const std::string &value, const char *title) {
    out << "<div><b>" << value << "</b>" << title << "</div>\n";
  };
  out << "<div class=cards>\n";
  card(number(numberAt(totals, "us") / 1000, 3) + " ms", "estimated, one core");
  card(scaled(numberAt(totals, "macs"), "MAC"), "multiply-adds");
  card(scaled(numberAt(totals, "bytes"), "B"), "moved");
  card(number(numberAt(totals, "launches"), 0), "launches");
  card(number(numberAt(totals, "kernels"), 0), "kernels");
  card(scaled(numberAt(totals, "arena_bytes"), "B"), "arena");
  card(scaled(numberAt(totals, "weights_bytes"), "B"), "weights");
  card(scaled(numberAt(totals, "image_bytes"), "B"), "program image");
  out << "</div>\n";
}

static std::string scheduleText(const json::Object &kernel) {
  std::string text;
  for (const json::Value &value : *kernel.getArray("schedules")) {
    const json::Object &schedule = *value.getAsObject();
    text += (text.empty() ? "" : "<br>") +
            escaped(schedule.getString("isa").value_or("")) + ": " +
            number(numberAt(schedule, "tile_m"), 0) + "x" +
            number(numberAt(schedule, "tile_n"), 0) + " u" +
            number(numberAt(schedule, "unroll"), 0);
  }
  return text;
}

static void writeKernels(const json::Object &report, llvm::raw_ostream &out) {
  out << "<h2>Kernels</h2>\n<p class=facts>Dearest first. A launch takes the "
         "longer of its arithmetic and its bytes on a nominal core "
         "(docs/manifest.md).</p>\n<div class=wide><table>\n<tr><th>Kernel"
         "<th>Nodes<th>Shapes<th>Schedule<th class=n>Runs<th class=n>MAC"
         "<th class=n>Bytes<th class=n>us<th>Share</tr>\n";
  double most = 1e-9;
  for (const json::Value &value : *report.getArray("kernels"))
    most = std::max(most, 100 * numberAt(*value.getAsObject(), "share"));
  for (const json::Value &value : *report.getArray("kernels")) {
    const json::Object &kernel = *value.getAsObject();
    double share = 100 * numberAt(kernel, "share");
    out << "<tr title=\"key " << escaped(kernel.getString("key").value_or(""))
        << "\"><td>" << escaped(kernel.getString("name").value_or(""))
        << "<br><small>" << escaped(kernel.getString("root").value_or(""))
        << "</small><td>" << textsAt(kernel, "nodes", 6) << "<td class=shape>"
        << textsAt(kernel, "inputs", 8) << " &rarr; "
        << textsAt(kernel, "outputs", 4) << "<td class=shape>"
        << scheduleText(kernel) << "<td class=n>"
        << number(numberAt(kernel, "launches"), 0) << "<td class=n>"
        << scaled(numberAt(kernel, "macs"), "") << "<td class=n>"
        << scaled(numberAt(kernel, "bytes"), "B") << "<td class=n>"
        << number(numberAt(kernel, "us"), 1) << "<td>" << number(share, 1)
        << " %<div class=bar style=\"width:" << number(100 * share / most, 2)
        << "%\"></div></tr>\n";
  }
  out << "</table></div>\n";
}

// One rectangle a buffer: launches across, addresses upwards.
static void writeArena(const json::Object &report, llvm::raw_ostream &out) {
  const json::Array &buffers = *report.getArray("arena");
  double arena = numberAt(*report.getObject("totals"), "arena_bytes"),
         launches = 1;
  for (const json::Value &value : buffers)
    launches = std::max(launches, numberAt(*value.getAsObject(), "last") + 1);
  out << "<h2>Memory plan</h2>\n";
  if (buffers.empty() || arena <= 0) {
    out << "<p class=facts>The model needs no arena.</p>\n";
    return;
  }
  const double width = 1000, height = 320, left = 70, bottom = 24;
  out << "<p class=facts>Launches from left to right, addresses upwards; a "
         "buffer lives from the launch that writes it to the last that reads "
         "it.</p>\n<svg viewBox=\"0 0 "
      << number(left + width + 10, 0) << " " << number(height + bottom + 10, 0)
      << "\" role=img aria-label=\"memory plan\">\n";
  unsigned hue = 0;
  for (const json::Value &value : buffers) {
    const json::Object &buffer = *value.getAsObject();
    double first = numberAt(buffer, "first"), last = numberAt(buffer, "last"),
           bytes = numberAt(buffer, "bytes"),
           top = numberAt(buffer, "offset") + bytes;
    out << "<rect x=" << number(left + first / launches * width, 2)
        << " y=" << number(8 + (1 - top / arena) * height, 2)
        << " width=" << number((last + 1 - first) / launches * width, 2)
        << " height=" << number(std::max(bytes / arena * height, 0.5), 2)
        << " fill=\"hsl(" << (hue = (hue + 137) % 360)
        << " 55% 55%)\" stroke=\"#0006\" stroke-width=0.5><title>"
        << escaped(buffer.getString("node").value_or("")) << ": "
        << scaled(bytes, "B") << " at "
        << scaled(numberAt(buffer, "offset"), "B") << ", launches "
        << number(first, 0) << " to " << number(last, 0) << "</title></rect>\n";
  }
  for (int tick = 0; tick <= 4; ++tick)
    out << "<text x=" << number(left - 6, 0)
        << " y=" << number(12 + (1 - tick / 4.0) * height, 1)
        << " text-anchor=end>" << scaled(arena * tick / 4, "B") << "</text>\n"
        << "<text x=" << number(left + width * tick / 4, 1)
        << " y=" << number(height + bottom, 1) << " text-anchor="
        << (tick == 0   ? "start"
            : tick == 4 ? "end"
                        : "middle")
        << ">" << number(launches * tick / 4, 0) << "</text>\n";
  out << "</svg>\n";
}

static void writePasses(const json::Object &report, llvm::raw_ostream &out) {
  out << "<h2>Passes</h2>\n<table>\n<tr><th>Pass<th class=n>Operations before"
         "<th class=n>after<th class=n>change<th class=n>ms</tr>\n";
  for (const json::Value &value : *report.getArray("passes")) {
    const json::Object &pass = *value.getAsObject();
    double before = numberAt(pass, "operations_before"),
           after = numberAt(pass, "operations_after");
    out << "<tr><td>" << escaped(pass.getString("pass").value_or(""))
        << "<td class=n>" << number(before, 0) << "<td class=n>"
        << number(after, 0) << "<td class=n>" << (after > before ? "+" : "")
        << number(after - before, 0) << "<td class=n>"
        << number(numberAt(pass, "ms"), 1) << "</tr>\n";
  }
  out << "</table>\n";
}

std::string sinter::reportPage(const json::Object &report) {
  std::string page;
  llvm::raw_string_ostream out(page);
  std::string model = escaped(report.getString("model").value_or(""));
  out << "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta "
         "name=viewport content=\"width=device-width\">\n<title>"
      << model << "</title>\n<style>" << style << "</style>\n<h1>" << model
      << "</h1>\n<p class=facts>" << textsAt(report, "isas", 8)
      << (report.getObject("reference")->empty() ? "; fixed shapes"
                                                 : "; at the reference shape");
  for (const auto &[symbol, value] : *report.getObject("reference"))
    out << " " << escaped(llvm::StringRef(symbol)) << "="
        << value.getAsInteger().value_or(0);
  out << "</p>\n";
  writeTotals(report, out);
  writeArena(report, out);
  writeKernels(report, out);
  writePasses(report, out);
  out << "</html>\n";
  return page;
}
