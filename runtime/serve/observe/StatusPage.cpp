// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Drawn on the server as inline SVG. Every name is escaped: it may come from a
// folder that somebody else filled.
#include "runtime/serve/observe/StatusPage.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace sinter::serve {
namespace {

const char *const style = R"(<style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1c2733;background:#fff}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:.3rem .6rem;border-bottom:1px solid #dde3ea}
th:first-child,td:first-child,th:nth-child(2),td:nth-child(2),th:nth-child(3),td:nth-child(3){text-align:left}
th{color:#5a6b7d;font-weight:600}.good{color:#0a7a3d}.bad{color:#b3261e}.label{background:#e6eef8;border-radius:.6rem;
padding:0 .5rem;margin-right:.3rem}figure{display:inline-block;margin:0 1.5rem 1rem 0}figcaption{color:#5a6b7d}
@media(prefers-color-scheme:dark){body{background:#11161c;color:#dfe6ee}th,td{border-color:#2b3642}
th,figcaption{color:#93a4b5}.label{background:#22344a}}
</style>)";

std::string escaped(const std::string &text) {
  std::string out;
  for (char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string number(double value, const char *format = "%.0f") {
  char text[64];
  snprintf(text, sizeof text, format, value);
  return text;
}

std::string duration(double us) {
  if (us < 1000)
    return number(us, "%.0f us");
  return us < 1e6 ? number(us / 1000, "%.3g ms") : number(us / 1e6, "%.3g s");
}

struct Bar {
  std::string name;
  double value;
};

/// Bars on a common ground, each with its name below and its value as a
/// tooltip.
std::string barChart(const std::string &caption, const std::vector<Bar> &bars) {
  double highest = 1;
  for (const Bar &bar : bars)
    highest = std::max(highest, bar.value);
  double width = 30.0 * double(bars.size());
  std::string svg = "<figure><svg role=\"img\" aria-label=\"" +
                    escaped(caption) + "\" width=\"" + number(width) +
                    "\" height=\"130\">";
  for (size_t i = 0; i < bars.size(); ++i) {
    double height = std::ceil(100 * bars[i].value / highest),
           x = 30.0 * double(i);
    svg += "<rect x=\"" + number(x + 2) + "\" y=\"" + number(104 - height) +
           "\" width=\"26\" height=\"" + number(height) +
           "\" fill=\"#3b7dd8\"><title>" + escaped(bars[i].name) + ": " +
           number(bars[i].value) + "</title></rect><text x=\"" +
           number(x + 15) +
           "\" y=\"120\" font-size=\"9\" text-anchor=\"middle\" "
           "fill=\"currentColor\">" +
           escaped(bars[i].name) + "</text>";
  }
  return svg + "</svg><figcaption>" + escaped(caption) +
         "</figcaption></figure>";
}

std::string boundName(size_t bucket) {
  if (bucket == histogramBoundsUs.size())
    return "more";
  uint64_t us = histogramBoundsUs[bucket];
  if (us < 1000)
    return std::to_string(us) + "us";
  return us < 1000000 ? std::to_string(us / 1000) + "ms"
                      : std::to_string(us / 1000000) + "s";
}

std::string latencyChart(const Histogram &histogram) {
  size_t first = 0, last = histogram.counts.size();
  while (first + 1 < last && !histogram.counts[first])
    ++first;
  while (last > first + 1 && !histogram.counts[last - 1])
    --last;
  std::vector<Bar> bars;
  for (size_t i = first; i < last; ++i)
    bars.push_back({boundName(i), double(histogram.counts[i])});
  return barChart("requests by latency, up to", bars);
}

const ModelStatistics &statisticsOf(const Observed &observed,
                                    const IndexEntry &entry) {
  static const ModelStatistics none;
  for (const ModelStatistics &s : observed.models)
    if (s.name == entry.name && s.version == entry.version)
      return s;
  return none;
}

std::string row(const Observed &observed, const IndexEntry &entry) {
  const ModelStatistics &s = statisticsOf(observed, entry);
  bool ready = entry.state == VersionState::ready;
  std::string html = "<tr><td>" + escaped(entry.name) + "</td><td>" +
                     escaped(entry.version) + "</td><td>";
  for (const std::string &label : entry.labels)
    html += "<span class=\"label\">" + escaped(label) + "</span>";
  html += "</td><td class=\"";
  html += ready ? "good\">ready"
                : "bad\">" + escaped(entry.reason.empty() ? "not ready"
                                                          : entry.reason);
  double rows = s.executionCount
                    ? double(s.inferenceCount) / double(s.executionCount)
                    : 0;
  html += "</td><td>" + number(double(s.success.count)) + "</td><td>" +
          number(double(s.fail.count)) + "</td><td>" +
          number(double(s.queueDepth)) + "</td><td>" + number(rows, "%.2g") +
          "</td><td>" + duration(quantileUs(s.request, 0.5)) + "</td><td>" +
          duration(quantileUs(s.request, 0.99)) + "</td></tr>";
  return html;
}

std::string pictures(const Observed &observed, const IndexEntry &entry) {
  const ModelStatistics &s = statisticsOf(observed, entry);
  if (!observations(s.request))
    return "";
  std::string html = "<h2>" + escaped(entry.name) + " " +
                     escaped(entry.version) + "</h2>" + latencyChart(s.request);
  std::vector<Bar> bars;
  for (const BatchStatistics &batch : s.batches)
    if (bars.size() < 40)
      bars.push_back(
          {std::to_string(batch.size), double(batch.computeInfer.count)});
  return bars.empty() ? html : html + barChart("batches by rows", bars);
}

} // namespace

std::string statusPage(const Observed &observed) {
  ProcessMetrics process = processMetrics();
  std::string html = "<!doctype html><html lang=\"en\"><head><meta "
                     "charset=\"utf-8\"><meta http-equiv=\"refresh\" "
                     "content=\"2\"><title>Sinter server</title>";
  html += style;
  html += "</head><body><h1>Sinter server " + escaped(observed.version) +
          "</h1><p id=\"state\" class=\"" +
          (observed.ready ? "good\">ready" : "bad\">not ready") + "</p><p>" +
          number(double(process.residentBytes) / 1048576) + " MiB resident, " +
          number(process.cpuSeconds, "%.1f") + " s of CPU time";
  for (const ListenerMetrics &listener : observed.listeners)
    html += "; " + escaped(listener.name) + ": " +
            std::to_string(listener.connections) + " connections, " +
            std::to_string(listener.requests) + " requests";
  html += "</p><h2>Models</h2><table><thead><tr><th>model</th><th>version</"
          "th><th>labels</th><th>state</th>"
          "<th>requests</th><th>failed</th><th>waiting</th><th>rows a "
          "batch</th><th>median</th><th>99 %</th></tr>"
          "</thead><tbody>";
  std::string charts;
  for (const IndexEntry &entry : observed.index) {
    html += row(observed, entry);
    charts += pictures(observed, entry);
  }
  return html + "</tbody></table>" + charts + "</body></html>";
}

} // namespace sinter::serve
