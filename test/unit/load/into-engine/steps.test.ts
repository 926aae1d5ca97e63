import { describe, expect, test } from 'bun:test'
import { stepsOf } from '../../../../src/load/into-engine/steps.ts'
import type { ImageSource } from '../../../../src/read/open-image.ts'
import { digest } from '../../../support/images.ts'
import { blobOf, layeredImage, letterOf } from '../../../support/layered.ts'

/** Letters of the layers that each step names, with those in brackets that its archive has. */
function shown(image: ImageSource, leaveOut = ''): string[] {
  const out = new Set([...leaveOut].map((letter) => digest(blobOf(letter))))
  const lettersOf = (some: ImageSource['layers']) => some.map(({ digest: blob }) => letterOf(blob)).join('')
  return stepsOf(image, out).map(({ layers, from, leaveOut: without }) => {
    const below = lettersOf(layers.slice(0, from))
    const sent = layers.slice(from).filter((layer) => !without.has(layer.digest))
    return `${below}(${lettersOf(sent)})`
  })
}

describe('the steps of a load', () => {
  test('are one for an image that is small, or of one layer', () => {
    expect(shown(layeredImage('abc', 10, 10, 5))).toEqual(['(abc)'])
    expect(shown(layeredImage('a', 500))).toEqual(['(a)'])
    expect(shown(layeredImage(''))).toEqual(['()'])
  })

  test('have at least 16 MiB of layers each, that are not left out', () => {
    expect(shown(layeredImage('abcdef', 100, 1, 15, 3, 16, 1))).toEqual(['(a)', 'a(bc)', 'abc(def)'])
    expect(shown(layeredImage('abcd', 1, 1, 100, 100))).toEqual(['(abc)', 'abc(d)'])
    expect(shown(layeredImage('abcd', 100, 100, 15, 100), 'ab')).toEqual(['(cd)'])
    expect(shown(layeredImage('abcd', 100, 100, 16, 100), 'ab')).toEqual(['(c)', 'abc(d)'])
  })

  test('bring a layer again that stands above another one, too', () => {
    expect(shown(layeredImage('abcb', 20, 1, 20, 1))).toEqual(['(a)', 'a(bcb)'])
    expect(shown(layeredImage('abab', 20, 20, 20, 20))).toEqual(['(a)', 'a(b)', 'ab(a)', 'aba(b)'])
  })
})
