// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every name is escaped: node names come from somebody's model.
#include "runtime/serve/observe/ProfilePage.h"

#include "runtime/serve/protocol/JsonWriter.h"

#include <algorithm>
#include <cstdio>

namespace sinter::serve {
namespace {

constexpr size_t mostRows = 100, mostColours = 8;

const char *const style = R"(
table { border-collapse: collapse; width: 100%; margin-top: .9rem; font-size: .9rem; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 600; font-size: .8rem; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; overflow-wrap: anywhere; white-space: normal; }
td:nth-child(2) { color: var(--soft); }
td svg { width: 7rem; height: .7rem; vertical-align: middle; }
.strip { display: block; width: 100%; height: 2.2rem; border-radius: .4rem; overflow: hidden; }
)";

std::string escaped(const std::string &text) {
  std::string out;
  for (char c : text)
    switch (c) {
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '&':
      out += "&amp;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += c;
    }
  return out;
}

std::string number(double value, const char *format) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string duration(double ns) {
  if (ns < 1e3)
    return number(ns, "%.0f ns");
  return ns < 1e6 ? number(ns / 1e3, "%.1f µs") : number(ns / 1e6, "%.2f ms");
}

double shareOf(const OperatorTime &one, const ModelProfile &model) {
  return model.ns ? double(one.ns) / double(model.ns) : 0;
}

// From blue for the longest to grey for what is left.
std::string colour(size_t index) {
  return index < mostColours
             ? "hsl(" + std::to_string(217 + 22 * index) + " 62% 56%)"
             : "hsl(215 12% 60%)";
}

std::string rectangle(double x, double width, size_t index,
                      const std::string &hint) {
  return "<rect x=\"" + number(x, "%.2f") + "\" width=\"" +
         number(width, "%.2f") + "\" height=\"10\" fill=\"" + colour(index) +
         "\"><title>" + escaped(hint) + "</title></rect>";
}

// One run as a strip, the longest operator first.
std::string strip(const ModelProfile &model) {
  std::string svg = "<svg class=\"strip\" role=\"img\" aria-label=\"time by "
                    "operator\" viewBox=\"0 0 1000 10\" "
                    "preserveAspectRatio=\"none\">";
  double x = 0;
  for (size_t i = 0; i < std::min(model.operators.size(), mostRows); ++i) {
    const OperatorTime &one = model.operators[i];
    double share = shareOf(one, model);
    svg += rectangle(x, 1000 * share, i,
                     one.node + " " + number(100 * share, "%.1f %%"));
    x += 1000 * share;
  }
  return svg + "</svg>";
}

std::string row(const OperatorTime &one, const ModelProfile &model,
                size_t index) {
  double share = shareOf(one, model), runs = double(model.runs);
  auto rate = [&](uint64_t amount) {
    return amount && one.ns ? number(double(amount) / double(one.ns), "%.1f")
                            : "–";
  };
  return "<tr><td>" + escaped(one.node.empty() ? "(none)" : one.node) +
         "</td><td>" + escaped(one.kernel) + "</td><td>" +
         number(double(one.calls) / runs, "%.3g") + "</td><td>" +
         duration(double(one.ns) / runs) + "</td><td>" +
         number(100 * share, "%.1f %%") +
         "</td><td><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\">" +
         rectangle(0, 100 * share, index, one.node) + "</svg></td><td>" +
         rate(one.macs) + "</td><td>" + rate(one.bytes) + "</td></tr>";
}

std::string section(const ModelProfile &model) {
  std::string html = "<section class=\"model\"><div><h2>" +
                     escaped(model.name) +
                     "</h2><span class=\"number\">version " +
                     escaped(model.version) + "</span></div>";
  if (!model.runs)
    return html + "<p class=\"quiet\">no run was timed yet</p></section>";
  html += "<p class=\"quiet\">" + std::to_string(model.runs) +
          " runs timed, one in " + std::to_string(model.rate) + "; " +
          duration(double(model.ns) / double(model.runs)) + " a run of " +
          number(double(model.rows) / double(model.runs), "%.3g") +
          " rows</p>" + strip(model) +
          "<table><thead><tr><th>node</th><th>kernel</th><th>calls a run</th>"
          "<th>time a run</th><th>share</th><th></th><th>GMAC/s</th>"
          "<th>GB/s</th></tr></thead><tbody>";
  for (size_t i = 0; i < std::min(model.operators.size(), mostRows); ++i)
    html += row(model.operators[i], model, i);
  html += "</tbody></table>";
  if (model.operators.size() > mostRows)
    html += "<p class=\"quiet\">and " +
            std::to_string(model.operators.size() - mostRows) +
            " more in profile.json</p>";
  return html + "</section>";
}

} // namespace

std::string profilePage(const std::vector<ModelProfile> &models) {
  std::string html =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta "
      "name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta "
      "name=\"color-scheme\" content=\"light dark\"><title>Sinter "
      "profile</title><link rel=\"icon\" href=\"data:,\"><link "
      "rel=\"stylesheet\" href=\"../status.css\"><style>";
  html += style;
  html += "</style></head><body><header><h1>Operators <small>of live "
          "traffic</small></h1></header><main>";
  for (const ModelProfile &model : models)
    html += section(model);
  return html + "</main><footer>Load the page again for newer figures. <a "
                "href=\"profile.json\">profile.json</a> <a "
                "href=\"../status\">status</a></footer></body></html>";
}

std::string profileJson(const std::vector<ModelProfile> &models) {
  JsonWriter json;
  json.open('{').key("models").open('[');
  for (const ModelProfile &model : models) {
    json.open('{').key("name").string(model.name);
    json.key("version").string(model.version);
    json.key("one_run_in").number(model.rate);
    json.key("runs").number(model.runs).key("rows").number(model.rows);
    json.key("ns").number(model.ns).key("operators").open('[');
    for (const OperatorTime &one : model.operators) {
      json.open('{').key("node").string(one.node);
      json.key("kernel").string(one.kernel);
      json.key("calls").number(one.calls).key("ns").number(one.ns);
      json.key("macs").number(one.macs).key("bytes").number(one.bytes);
      json.close('}');
    }
    json.close(']').close('}');
  }
  json.close(']').close('}');
  return std::move(json.text);
}

} // namespace sinter::serve
