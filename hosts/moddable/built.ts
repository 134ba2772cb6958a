// SPDX-License-Identifier: MIT
/**
 * When the image was made, milliseconds since 1970, to the day: no earlier time can be right. Modules that a manifest
 * preloads run on the computer that builds, so this is its clock. On a chip that ran it anew it would be 1970: the
 * day of this line then counts.
 */
import type { TimeBounds } from "./clock";

const DAY = 86_400_000;
const WRITTEN = Date.UTC(2026, 5, 17);

export const BUILT: number = Math.max(WRITTEN, Math.floor(Date.now() / DAY) * DAY);

/** An image is not used for longer than 25 years. */
export const BOUNDS_OF_IMAGE: TimeBounds = Object.freeze({ earliest: BUILT, latest: BUILT + 25 * 365 * DAY });
