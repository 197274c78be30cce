// Whether Node can set SO_REUSEPORT: node:net and node:dgram both know it since 22.12 and 23.1.

export function knowsReusePort(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
}
