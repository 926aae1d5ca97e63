import { describe, expect, test } from 'bun:test'
import { unreadableIn } from '../../../../src/image/config/engine-config.ts'

/** What a config says besides the usual, as it stands in the JSON. */
const withFields = (more: string) => `{"os":"linux","architecture":"amd64",${more}}`
const withRun = (more: string) => withFields(`"config":{"Cmd":["/a"],${more}}`)

const why = (json: string, containerdStore: boolean) => unreadableIn(Buffer.from(json), { containerdStore })
const inStores = (json: string) => [why(json, false), why(json, true)]

/** Held against Docker 20.10, 26.1 and 28.5: what `docker load` of it, or `docker create` after that, cannot read. */
const NOWHERE: readonly (readonly [string, string])[] = [
  ['"created":"yesterday"', '"created" is no time such as "2024-01-31T12:00:00Z"'],
  ['"created":1704067200', '"created" is a number, where a time such as "2024-01-31T12:00:00Z" belongs'],
  ['"os":5', '"os" is a number, where a string belongs'],
  ['"OS":5', '"os" is a number, where a string belongs'],
  ['"os.features":"win32k"', '"os.features" is a string, where a list of strings belongs'],
  ['"variant":8', '"variant" is a number, where a string belongs'],
  ['"author":{"name":"x"}', '"author" is an object, where a string belongs'],
  ['"config":[]', '"config" is a list, where an object belongs'],
  ['"rootfs":{"type":1}', '"rootfs.type" is a number, where a string belongs'],
  ['"history":{}', '"history" is an object, where a list belongs'],
  ['"history":[{},"a"]', '"history[1]" is a string, where an object belongs'],
  ['"history":[{"empty_layer":"true"}]', '"history[0].empty_layer" is a string, where true or false belongs'],
  ['"history":[{"created":"2024-02-30T00:00:00Z"}]', '"history[0].created" is no time such as "2024-01-31T12:00:00Z"'],
]

const NOT_RUN: readonly (readonly [string, string])[] = [
  ['"Env":{"A":"b"}', '"config.Env" is an object, where a list of strings belongs'],
  ['"Env":["A=b",1]', '"config.Env[1]" is a number, where a string belongs'],
  ['"ExposedPorts":["80"]', '"config.ExposedPorts" is a list, where an object belongs'],
  ['"ExposedPorts":{"80/tcp":""}', '"config.ExposedPorts[…]" is a string, where an object belongs'],
  ['"Volumes":["/data"]', '"config.Volumes" is a list, where an object belongs'],
  ['"Volumes":{"/data":true}', '"config.Volumes[…]" is true or false, where an object belongs'],
  ['"Labels":{"a":1}', '"config.Labels[…]" is a number, where a string belongs'],
  ['"Labels":["a=b"]', '"config.Labels" is a list, where an object belongs'],
  ['"User":0', '"config.User" is a number, where a string belongs'],
  ['"StopSignal":15', '"config.StopSignal" is a number, where a string belongs'],
  ['"OnBuild":"RUN x"', '"config.OnBuild" is a string, where a list of strings belongs'],
  ['"Cmd":5', '"config.Cmd" is a number, where a list of strings belongs'],
  ['"Entrypoint":[5]', '"config.Entrypoint[0]" is a number, where a string belongs'],
  ['"Healthcheck":[]', '"config.Healthcheck" is a list, where an object belongs'],
  ['"Healthcheck":{"Test":"curl x"}', '"config.Healthcheck.Test" is a string, where a list of strings belongs'],
  ['"Healthcheck":{"Interval":"30s"}', '"config.Healthcheck.Interval" is a string, where an integer belongs'],
  ['"Healthcheck":{"Interval":1.0}', '"config.Healthcheck.Interval" is no integer of 64 bits'],
  ['"Healthcheck":{"Interval":1E2}', '"config.Healthcheck.Interval" is no integer of 64 bits'],
  ['"Healthcheck":{"Retries":9223372036854775808}', '"config.Healthcheck.Retries" is no integer of 64 bits'],
]

describe('what no engine can read', () => {
  test.each(NOWHERE)('%s', (more, words) => expect(inStores(withFields(more))).toEqual([words, words]))

  test.each(NOT_RUN)('in its config: %s', (more, words) => expect(inStores(withRun(more))).toEqual([words, words]))

  test('a byte order mark', () => {
    const words = 'it begins with a byte order mark'
    expect(inStores(`\u{feff}${withFields('"x":1')}`)).toEqual([words, words])
  })
})

describe('what one store can read, and the other cannot:', () => {
  test.each(['Cmd', 'Entrypoint', 'Shell'])('%s as a string', (name) => {
    const words = `"config.${name}" is a string, where a list of strings belongs`
    expect(inStores(withFields(`"config":{"${name}":"/bin/sh"}`))).toEqual([undefined, words])
  })

  test('a time whose offset is none', () => {
    const words = '"created" is no time such as "2024-01-31T12:00:00Z"'
    expect(inStores(withFields('"created":"2024-01-01T00:00:00+25:00"'))).toEqual([undefined, words])
  })

  test.each([
    ['"id":5', '"id" is a number, where a string belongs'],
    ['"Size":"5"', '"Size" is a string, where an integer belongs'],
    ['"container_config":{"Tty":1}', '"container_config.Tty" is a number, where true or false belongs'],
    ['"config":{"StopTimeout":"10"}', '"config.StopTimeout" is a string, where an integer belongs'],
  ])('%s', (more, words) => expect(inStores(withFields(more))).toEqual([words, undefined]))
})

describe('what every engine can read:', () => {
  test.each([
    '"created":null',
    '"created":"2024-02-29T23:59:59.999999999+02:00"',
    '"created":"2000-02-29T5:04:05,5-24:60"',
    '"created":"2024-01-01T00:00:00\\u005a"',
    '"config":null',
    '"CONFIG":{"cmd":["/a"]}',
    '"history":[null,{}]',
    '"os.features":[]',
    '"unknown":{"os":5}',
    '"__proto__":{"os":5},"constructor":5',
  ])('%s', (more) => expect(inStores(withFields(more))).toEqual([undefined, undefined]))

  test.each([
    '"Env":[null,"A=b"]',
    '"Volumes":{"/data":null}',
    '"ExposedPorts":{"80/tcp":{"x":1},"any text":{}}',
    '"Labels":{"a":null}',
    '"Healthcheck":{"Test":null,"Interval":-9223372036854775808,"Retries":-0}',
    '"Unknown":5',
    '"User\\u0000":5',
  ])('in its config: %s', (more) => expect(inStores(withRun(more))).toEqual([undefined, undefined]))
})
