/** The same object, of which some members do something else. */
export function altered<T extends object>(original: T, change: Partial<T>): T {
  return new Proxy(original, {
    get(target, name) {
      if (name in change) return Reflect.get(change, name)
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
