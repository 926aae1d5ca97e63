const IN_ASCII: Readonly<Record<string, string>> = { '█': '#', '░': '.', '→': '->', '…': '...' }

/** Words for people on a terminal that has only ASCII: without the few characters of ours that it has not. */
export function words(text: string, isAscii: boolean): string {
  return isAscii ? text.replace(/[█░→…]/g, (one) => IN_ASCII[one] ?? one) : text
}
