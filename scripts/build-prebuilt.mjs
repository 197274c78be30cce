// `npm run build:prebuilt`: compiles the addon for this platform into prebuilds/, which the npm
// tarball carries. Node-API makes one binary serve every Node from 20 on. The target and the place
// of its headers are named, since prebuildify would download them otherwise; the library's name is
// given, since some names are read as tags.

import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { headersDirectory } from './native/toolchain.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const prebuildify = createRequire(import.meta.url).resolve('prebuildify/bin.js')
const headers = headersDirectory()

const { status } = spawnSync(
  process.execPath,
  [
    prebuildify,
    '--napi',
    '--strip',
    '--tag-libc',
    '-t',
    process.versions.node,
    '--name',
    'gyre',
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(headers === null ? {} : { npm_config_nodedir: headers }) },
  },
)
process.exitCode = status ?? 1
