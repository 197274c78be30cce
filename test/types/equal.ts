// Assertions about types, checked by the compiler alone.

/** `true` exactly if A and B are the same type; `any` is the same as nothing but itself. */
export type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Does not compile unless its argument is `true`. */
export type Expect<T extends true> = T

/** Does not compile unless the value has exactly the type `Wanted`: `typed<number>()(value)`. */
export function typed<Wanted>(): <Actual>(
  value: Actual,
  ...mismatch: Equal<Actual, Wanted> extends true ? [] : [expected: Wanted]
) => void {
  return () => {}
}
