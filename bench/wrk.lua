-- Says of a run of wrk, in the last line that it prints, what wrk.ts passes on.
done = function(summary, latency)
  local errors = summary.errors
  local form = '{"elapsedUs":%d,"p50Us":%d,"p99Us":%d,"requests":%d,"failed":%d}\n'
  io.write(form:format(summary.duration, latency:percentile(50), latency:percentile(99),
    summary.requests, errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
