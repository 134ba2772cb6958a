// SPDX-License-Identifier: MIT
// fillRandom for the SDK's compiler, in its own syntax for natives; natives.ts says what it does.

function fillRandom(target) @ "xs_berth_fill_random";

export { fillRandom };
