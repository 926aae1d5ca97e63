import { describe, expect, test } from 'bun:test'
import { Turns } from '../../../../../src/store/kubo/mfs/turns.ts'

describe('turns', () => {
  test('let one work end before the next begins, whatever becomes of it', async () => {
    const turns = new Turns()
    const seen: string[] = []
    const work = (name: string, fails = false) =>
      turns.take(async () => {
        seen.push(`${name} begins`)
        await Bun.sleep(1)
        seen.push(`${name} ends`)
        if (fails) throw new Error(name)
        return name
      })
    const all = await Promise.allSettled([work('a'), work('b', true), work('c')])
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(seen).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]))
  })
})
