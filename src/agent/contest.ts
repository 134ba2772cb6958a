// SPDX-License-Identifier: MIT
/**
 * Two devices with one id end each other's connections, for ever: IoT Hub keeps the newest one. Neither can know the other;
 * what shows it is a hub that accepts the device and soon ends each connection, with a network that does nothing wrong.
 */
import { BerthError } from "../error";

/** A connection that stood as long was not ended soon, milliseconds. */
const SOON = 600_000;
/** So many in a row are no chance. */
const CHANCES = 6;

export class Contest {
  /** Connections in a row that the hub has accepted, and that were lost soon. */
  #lost = 0;

  /** The network was down, or the device has another identity. */
  clear(): void {
    this.#lost = 0;
  }

  /**
   * What a connection to the hub has ended in.
   * @param stood milliseconds since it was accepted; undefined when it was not
   * @returns `id-contested` in its place, where that is what it is by now
   */
  judge(error: BerthError, stood: number | undefined): BerthError {
    // Before CONNACK it says nothing: the other one may have been quicker.
    if (error.code === "connection-lost" && stood === undefined) return error;
    this.#lost = error.code === "connection-lost" && (stood ?? SOON) < SOON ? this.#lost + 1 : 0;
    if (this.#lost < CHANCES) return error;
    return new BerthError("id-contested", `${this.#lost} connections in a row`);
  }
}
