// SPDX-License-Identifier: MIT
/** Whose rules the devices of a fleet follow; `berth` are agents of this project. */
export const RULES = Object.freeze(["berth", "azure-iot-sdk-node", "azure-sdk-for-c"] as const);

export type Rules = (typeof RULES)[number];
