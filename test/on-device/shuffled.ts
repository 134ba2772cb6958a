// SPDX-License-Identifier: MIT
/** All of `items` in an order that the seed repeats. @param seed 0 to 4,294,967,295 */
export function shuffled<Item>(items: readonly Item[], seed: number): Item[] {
  const left = [...items];
  let state = seed;
  const order: Item[] = [];
  while (left.length > 0) {
    // Linear congruential: Numerical Recipes, section 7.1.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    order.push(...left.splice(Math.floor((state / 2 ** 32) * left.length), 1));
  }
  return order;
}
