import type { DoorState } from '../../../door/door.ts'

const OPEN_TO = {
  owner: 'root and whoever started it',
  everybody: 'every user of this machine',
  token: 'whoever has its token',
}

/** The front door for people, a line for each thing. */
export function stateLines(state: DoorState): string[] {
  const { isRunning, answers, address, isTls, pid, startedAt, openTo, isReadOnly, log } = state
  if (!isRunning) return ['Status:    stopped; start it with "docker ipfs registry start"']
  const rows = [
    ['Status', answers ? 'running' : 'running, but it does not answer; "docker ipfs registry logs" may say why'],
    ['Registry', `${address}`],
    ['Page', `${isTls ? 'https' : 'http'}://${address}/`],
    ['Process', `${pid}, since ${startedAt}`],
    ...(openTo === undefined ? [] : [['Open to', OPEN_TO[openTo]]]),
    ['Writing', isReadOnly ? 'nobody may push' : 'who may ask may push'],
    ['Log', log],
  ]
  return rows.map(([head, text]) => `${`${head}:`.padEnd(11)}${text}`)
}
