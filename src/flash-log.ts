// SPDX-License-Identifier: MIT
/**
 * The module `berth/outbox`: telemetry that waits in flash, and outlasts a power cut. An image that does not import it
 * carries none of it, and its messages cost what they cost before.
 */
import type { MakeMessageQueue } from "./agent/outbox";
import { inRange, invalidArgument } from "./error";
import type { FlashRegion } from "./host";
import { SectorLog } from "./outbox/log";
import { FlashQueue } from "./outbox/queue";
import { recordSize, SECTOR_HEADER } from "./outbox/record";
import { crc32 } from "./storage/crc32";

/** Erases that a sector of NOR flash lasts at least, by the data sheets of the flash on ESP32 modules. */
export const ENDURANCE = 100_000;
const DAY = 86_400_000;
/** A day's erases of a sector: it lasts ten years at this rate. */
const DAILY = Math.floor(ENDURANCE / 3_653);

export interface FlashLogOptions {
  /** Default: that of the platform. */
  readonly region?: () => FlashRegion;
  /**
   * Sectors erased a day at most; more messages wait in memory, and are lost with the power. A start counts as a new day.
   * Default 27 for each sector: ten years.
   */
  readonly dailyErases?: number;
}

/**
 * For the option `outbox.log` of a device.
 * @throws BerthError `invalid-argument`
 */
export function flashLog({ region, dailyErases }: FlashLogOptions = {}): MakeMessageQueue {
  inRange(dailyErases, 1, Number.POSITIVE_INFINITY, "dailyErases");
  return (owner, options, { text, timers, clock, log }, { idScope, registrationId }, report) => {
    const open = region ?? log;
    if (!open) throw invalidArgument("outbox.log: this platform has no flash for it; leave it out");
    return new FlashQueue(
      owner,
      options,
      { text, timers },
      (tell) => {
        const flash = open();
        const most = dailyErases ?? DAILY * flash.sectors;
        const whose = crc32(text.encode(`${idScope}/${registrationId}`));
        return new SectorLog(
          flash,
          whose,
          allowance(most, () => clock.ticks()),
          tell,
        );
      },
      report,
    );
  };
}

/** At most `most` a day, on average. @returns takes one */
function allowance(most: number, ticks: () => number): () => boolean {
  let left = most;
  let at = ticks();
  return () => {
    const now = ticks();
    left = Math.min(most, left + ((now - at) / DAY) * most);
    at = now;
    if (left < 1) return false;
    left -= 1;
    return true;
  };
}

export interface FlashWear {
  /** Messages that the region holds at least, for the sector that is begun next is erased. */
  readonly held: number;
  readonly erasesPerDay: number;
  readonly erasesPerSectorPerDay: number;
  /** Until a sector has had `ENDURANCE` erases. */
  readonly years: number;
}

/**
 * What a steady rate of messages costs.
 * @param message bytes of payload and of the encoded property bag
 */
export function flashWear(
  { sectors, sectorSize }: Pick<FlashRegion, "sectors" | "sectorSize">,
  message: { readonly payload: number; readonly bag?: number },
  messagesPerDay: number,
): FlashWear {
  const perSector = Math.floor((sectorSize - SECTOR_HEADER) / recordSize(message.bag ?? 0, message.payload));
  const erasesPerDay = messagesPerDay / perSector;
  const erasesPerSectorPerDay = erasesPerDay / sectors;
  return {
    held: perSector * (sectors - 1),
    erasesPerDay,
    erasesPerSectorPerDay,
    years: ENDURANCE / erasesPerSectorPerDay / 365.25,
  };
}
