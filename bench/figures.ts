// What arms can be compared by, and how it is written.

import type { Figure } from './scenario.js'
import type { Summary } from './statistics.js'

function formatTime(ns: number): string {
  return ns < 10_000 ? `${ns.toFixed(0)} ns` : `${(ns / 1e3).toFixed(1)} us`
}

function formatLatency(us: number): string {
  return us < 10_000 ? `${us.toFixed(0)} us` : `${(us / 1e3).toFixed(1)} ms`
}

function formatBytes({ median }: Summary): string {
  return median < 10_000 ? `${median.toFixed(0)} B` : `${(median / 1024).toFixed(1)} KiB`
}

export const FIGURES: Readonly<
  Record<Figure, { title: string; format: (summary: Summary) => string }>
> = {
  cpuNs: { title: 'CPU', format: ({ median }) => formatTime(median) },
  wallNs: { title: 'elapsed', format: ({ median }) => formatTime(median) },
  p50Us: { title: 'p50', format: ({ median }) => formatLatency(median) },
  p99Us: { title: 'p99', format: ({ median }) => formatLatency(median) },
  bytesEach: { title: 'memory', format: formatBytes },
}
