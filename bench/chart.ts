// A scenario as a picture: one group of bars a case, one bar an arm, as long as the arm's figure is dear
// against the first arm's. Shorter is better.

import { FIGURES } from './figures.js'
import type { ArmResult, CaseResult, ScenarioResult } from './results.js'

const WIDTH = 820
const LABELS = 250
const FIGURE_WIDTH = 130
const BAR = 14
const ROW = 20
const GROUP_GAP = 34
const TOP = 44
/** Bars are cut off here, as one very dear arm would make all others unreadable. */
const RATIO_MAX = 4

const COLOURS = [
  ['native', '#0b7285'],
  ['fallback', '#66a9b5'],
  ['', '#adb5bd'],
] as const

function colourOf(armName: string): string {
  return COLOURS.find(([start]) => armName.startsWith(start))![1]
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function textAt(x: number, y: number, text: string, options = ''): string {
  return `<text x="${x}" y="${y}" ${options}>${escaped(text)}</text>`
}

function barOf(arm: ArmResult, figure: CaseResult['figure'], y: number): string {
  const full = WIDTH - LABELS - FIGURE_WIDTH
  const ratio = arm.ratio.median
  const width = Math.max(1, (Math.min(ratio, RATIO_MAX) / RATIO_MAX) * full)
  const isCut = ratio > RATIO_MAX
  const words = `${ratio.toFixed(ratio < 0.1 ? 3 : 2)}  ${FIGURES[figure].format(arm[figure]!)}`
  return [
    textAt(LABELS - 8, y + BAR - 3, arm.name, 'text-anchor="end"'),
    `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colourOf(arm.name)}"/>`,
    textAt(LABELS + width + 6, y + BAR - 3, isCut ? `… ${words}` : words),
  ].join('\n')
}

/** The picture, as SVG. */
export function chartOf(title: string, { cases }: ScenarioResult): string {
  const parts: string[] = []
  let y = TOP
  for (const { name, figure, arms } of cases) {
    parts.push(textAt(8, y + 12, name, 'font-weight="bold"'))
    y += ROW
    for (const arm of arms) {
      parts.push(barOf(arm, figure, y))
      y += ROW
    }
    y += GROUP_GAP - ROW
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}"` +
      ' font-family="sans-serif" font-size="12">',
    `<rect width="${WIDTH}" height="${y}" fill="#ffffff"/>`,
    textAt(8, 22, `${title}: ratio to the first, shorter is better`, 'font-size="14"'),
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}
