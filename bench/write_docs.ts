// Writes docs/benchmarks.md from bench/results/: `npm run bench:docs`. A test holds that the two agree.

import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { benchmarksPage } from './page.js'

const PAGE = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url))

writeFileSync(PAGE, benchmarksPage())
