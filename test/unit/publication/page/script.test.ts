import { expect, test } from 'bun:test'
import { SCRIPT } from '../../../../src/publication/page/script.ts'
import { STYLE } from '../../../../src/publication/page/style.ts'

test('the script of the page is one that a browser can read', () => {
  const transpiler = new Bun.Transpiler({ loader: 'js' })
  expect(transpiler.transformSync(SCRIPT).length).toBeGreaterThan(100)
  expect(() => transpiler.transformSync(`${SCRIPT} )`)).toThrow()
})

test.each([
  ['script', SCRIPT],
  ['style', STYLE],
])('the %s ends where its tag ends, and gets nothing from elsewhere', (tag, text) => {
  expect(text).not.toContain(`</${tag}`)
  expect(text).not.toContain('<!--')
  expect(text.match(/\burl\(|@import|\bimport\b|\bfetch\(|XMLHttpRequest|\.src\b/g)).toBeNull()
})

test.each(['document.write', 'innerHTML', 'eval(', 'Function(', 'localStorage', 'document.cookie'])(
  'the script does not use %s: what a catalogue says is never markup or code, and nothing is kept',
  (word) => {
    expect(SCRIPT).not.toContain(word)
  },
)
