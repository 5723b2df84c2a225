// Part of Sinter, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each family is written in one go, HELP and TYPE first, as the format wants
// it.
#include "runtime/serve/observe/Prometheus.h"

#include <charconv>
#include <dirent.h>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace sinter::serve {
namespace {

std::string escaped(const std::string &text) {
  std::string out;
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string labels(const std::string &model, const std::string &version) {
  return "model=\"" + escaped(model) + "\",version=\"" + escaped(version) +
         "\"";
}

class Text {
public:
  void family(const char *name, const char *type, const char *help) {
    current = name;
    text.append("# HELP ").append(name).append(" ").append(help).append(
        "\n# TYPE ");
    text.append(name).append(" ").append(type).append("\n");
  }
  template <typename T>
  void sample(const std::string &labels, T value, const char *suffix = "") {
    char digits[40];
    char *end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    text.append(current).append(suffix);
    if (!labels.empty())
      text.append("{").append(labels).append("}");
    text.append(" ").append(digits, size_t(end - digits)).append("\n");
  }
  void histogram(const std::string &labels, const Histogram &histogram) {
    uint64_t below = 0;
    for (size_t i = 0; i < histogram.counts.size(); ++i) {
      below += histogram.counts[i];
      std::string bound = "+Inf";
      if (i < histogramBoundsUs.size()) {
        char digits[40];
        char *end = std::to_chars(digits, digits + sizeof digits,
                                  double(histogramBoundsUs[i]) / 1e6,
                                  std::chars_format::fixed)
                        .ptr;
        bound.assign(digits, end);
      }
      sample(labels + ",le=\"" + bound + "\"", below, "_bucket");
    }
    sample(labels, double(histogram.sumNs) / 1e9, "_sum");
    sample(labels, below, "_count");
  }
  std::string text;

private:
  const char *current = "";
};

using Read = double (*)(const ModelStatistics &);

struct Row {
  const char *name, *type, *help;
  Read read;
};

double us(const Duration &duration) { return double(duration.ns / 1000); }

double backendFailures(const ModelStatistics &s) {
  return double(s.fail.count > s.cancelled ? s.fail.count - s.cancelled : 0);
}

const Row rows[] = {
    {"sinter_requests_total", "counter", "Requests answered well",
     [](const ModelStatistics &s) { return double(s.success.count); }},
    {"sinter_request_failures_total", "counter", "Requests that failed",
     [](const ModelStatistics &s) { return double(s.fail.count); }},
    {"sinter_rejected_total", "counter",
     "Requests shed: queue full, over a limit, or too late to make it",
     [](const ModelStatistics &s) { return double(s.rejected); }},
    {"sinter_cancelled_total", "counter", "Requests whose client left",
     [](const ModelStatistics &s) { return double(s.cancelled); }},
    {"sinter_rows_total", "counter", "Rows inferred",
     [](const ModelStatistics &s) { return double(s.inferenceCount); }},
    {"sinter_padded_rows_total", "counter", "Rows computed for nobody",
     [](const ModelStatistics &s) { return double(s.paddedRows); }},
    {"sinter_batches_total", "counter", "Batches run",
     [](const ModelStatistics &s) { return double(s.executionCount); }},
    {"sinter_queue_depth", "gauge", "Requests waiting",
     [](const ModelStatistics &s) { return double(s.queueDepth); }},
    {"sinter_queue_oldest_seconds", "gauge",
     "How long the oldest of them has waited",
     [](const ModelStatistics &s) { return double(s.oldestUs) / 1e6; }},
    {"sinter_model_memory_bytes", "gauge", "Memory of the version",
     [](const ModelStatistics &s) { return double(s.memoryBytes); }},
    {"sinter_nan_answers_total", "counter",
     "Answers with NaN while a canary was watched",
     [](const ModelStatistics &s) { return double(s.nanAnswers); }},
    {"sinter_shadow_compared_total", "counter", "Shadow answers compared",
     [](const ModelStatistics &s) { return double(s.shadowCompared); }},
    {"sinter_shadow_differed_total", "counter", "Shadow answers that differed",
     [](const ModelStatistics &s) { return double(s.shadowDiffered); }},
    {"sinter_circuit_open", "gauge",
     "1 while the circuit breaker refuses requests",
     [](const ModelStatistics &s) { return double(s.circuitOpen); }},
    {"sinter_warming", "gauge",
     "1 until the sizes of batches are measured, which needs idle moments",
     [](const ModelStatistics &s) { return double(s.isWarming); }},
    {"nv_inference_request_success", "counter", "As Triton counts",
     [](const ModelStatistics &s) { return double(s.success.count); }},
    {"nv_inference_count", "counter", "As Triton counts",
     [](const ModelStatistics &s) { return double(s.inferenceCount); }},
    {"nv_inference_exec_count", "counter", "As Triton counts",
     [](const ModelStatistics &s) { return double(s.executionCount); }},
    {"nv_inference_request_duration_us", "counter", "As Triton counts",
     [](const ModelStatistics &s) { return us(s.success); }},
    {"nv_inference_queue_duration_us", "counter", "As Triton counts",
     [](const ModelStatistics &s) { return us(s.queue); }},
    {"nv_inference_compute_input_duration_us", "counter", "As Triton counts",
     [](const ModelStatistics &s) { return us(s.computeInput); }},
    {"nv_inference_compute_infer_duration_us", "counter", "As Triton counts",
     [](const ModelStatistics &s) { return us(s.computeInfer); }},
    {"nv_inference_compute_output_duration_us", "counter", "As Triton counts",
     [](const ModelStatistics &s) { return us(s.computeOutput); }},
    {"nv_inference_pending_request_count", "gauge", "As Triton counts",
     [](const ModelStatistics &s) { return double(s.queueDepth); }},
};

void models(Text &out, const Observed &observed) {
  for (const Row &row : rows) {
    out.family(row.name, row.type, row.help);
    for (const ModelStatistics &s : observed.models)
      out.sample(labels(s.name, s.version), row.read(s));
  }
  out.family("nv_inference_request_failure", "counter", "As Triton counts");
  for (const ModelStatistics &s : observed.models) {
    out.sample(labels(s.name, s.version) + ",reason=\"REJECTED\"",
               double(s.rejected));
    out.sample(labels(s.name, s.version) + ",reason=\"CANCELED\"",
               double(s.cancelled));
    out.sample(labels(s.name, s.version) + ",reason=\"BACKEND\"",
               backendFailures(s));
    out.sample(labels(s.name, s.version) + ",reason=\"OTHER\"", 0.0);
  }
  out.family("sinter_batches_by_size_total", "counter",
             "Batches run, by their rows");
  for (const ModelStatistics &s : observed.models)
    for (const BatchStatistics &batch : s.batches)
      out.sample(labels(s.name, s.version) + ",rows=\"" +
                     std::to_string(batch.size) + "\"",
                 batch.computeInfer.count);
  out.family("sinter_model_ready", "gauge", "1 while the version answers");
  for (const IndexEntry &entry : observed.index)
    out.sample(labels(entry.name, entry.version),
               entry.state == VersionState::ready ? 1 : 0);
}

void latencies(Text &out, const Observed &observed) {
  struct Kind {
    const char *name, *help;
    Histogram ModelStatistics::*histogram;
  };
  const Kind kinds[] = {
      {"sinter_request_duration_seconds",
       "From a request's last byte to its answer", &ModelStatistics::request},
      {"sinter_queue_duration_seconds", "From the queue to the run",
       &ModelStatistics::queueing},
      {"sinter_compute_duration_seconds", "In runs", &ModelStatistics::compute},
  };
  for (const Kind &kind : kinds) {
    out.family(kind.name, "histogram", kind.help);
    for (const ModelStatistics &s : observed.models)
      out.histogram(labels(s.name, s.version), s.*kind.histogram);
  }
  out.family("sinter_batch_compute_duration_seconds", "histogram",
             "Of a run, by its rows");
  for (const ModelStatistics &s : observed.models)
    for (const BatchStatistics &batch : s.batches)
      out.histogram(labels(s.name, s.version) + ",rows=\"" +
                        std::to_string(batch.size) + "\"",
                    batch.compute);
}

void listeners(Text &out, const Observed &observed) {
  struct Kind {
    const char *name, *type, *help;
    uint64_t ListenerMetrics::*value;
  };
  const Kind kinds[] = {
      {"sinter_connections", "gauge", "Open connections",
       &ListenerMetrics::connections},
      {"sinter_connections_total", "counter", "Connections accepted",
       &ListenerMetrics::accepted},
      {"sinter_connections_refused_total", "counter",
       "Connections over the limit", &ListenerMetrics::refused},
      {"sinter_listener_requests_total", "counter", "Requests of any kind",
       &ListenerMetrics::requests},
      {"sinter_listener_active_requests", "gauge", "Requests not answered yet",
       &ListenerMetrics::active},
      {"sinter_received_bytes_total", "counter", "Bytes from clients",
       &ListenerMetrics::bytesIn},
      {"sinter_sent_bytes_total", "counter", "Bytes to clients",
       &ListenerMetrics::bytesOut},
  };
  for (const Kind &kind : kinds) {
    out.family(kind.name, kind.type, kind.help);
    for (const ListenerMetrics &listener : observed.listeners)
      out.sample("listener=\"" + escaped(listener.name) + "\"",
                 listener.*kind.value);
  }
}

void traces(Text &out, const TraceCounts &counts) {
  const struct {
    const char *name, *help;
    uint64_t value;
  } rows[] = {{"sinter_traces_total", "Requests traced", counts.sampled},
              {"sinter_traces_exported_total", "Traces written or sent",
               counts.exported},
              {"sinter_traces_dropped_total",
               "Traces lost: nobody took them in time", counts.dropped},
              {"sinter_trace_export_failures_total",
               "Tries to write or send traces that failed", counts.failures}};
  for (const auto &row : rows) {
    out.family(row.name, "counter", row.help);
    out.sample("", row.value);
  }
}

void process(Text &out) {
  ProcessMetrics process = processMetrics();
  out.family("process_cpu_seconds_total", "counter", "CPU time of the server");
  out.sample("", process.cpuSeconds);
  out.family("process_resident_memory_bytes", "gauge",
             "Resident memory of the server");
  out.sample("", process.residentBytes);
  out.family("process_open_fds", "gauge",
             "Open file descriptors of the server");
  out.sample("", process.descriptors);
}

} // namespace

ProcessMetrics processMetrics() {
  ProcessMetrics out;
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  out.cpuSeconds =
      double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
      double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  out.residentBytes = pages * uint64_t(sysconf(_SC_PAGESIZE));
  if (DIR *folder = opendir("/proc/self/fd")) {
    while (readdir(folder))
      ++out.descriptors;
    closedir(folder);
    out.descriptors -= 3; // . and .. and the folder itself
  }
  return out;
}

std::string prometheusText(const Observed &observed) {
  Text out;
  out.family("sinter_server_info", "gauge",
             "Always 1; says which server this is");
  out.sample("version=\"" + escaped(observed.version) + "\"", 1);
  out.family("sinter_ready", "gauge", "1 while the server takes traffic");
  out.sample("", observed.ready ? 1 : 0);
  if (observed.certificateEnds) {
    out.family("sinter_certificate_expiry_timestamp_seconds", "gauge",
               "When the certificate that clients are shown ends, Unix time");
    out.sample("", observed.certificateEnds);
  }
  models(out, observed);
  latencies(out, observed);
  listeners(out, observed);
  traces(out, observed.traces);
  process(out);
  return std::move(out.text);
}

} // namespace sinter::serve
