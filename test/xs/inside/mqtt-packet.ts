// SPDX-License-Identifier: MIT
/**
 * `mqtt-packet` without its table of 65,536 buffers, which it makes for the first packet that it writes: inside XS
 * that takes 10 s and more.
 */
import mqtt from "mqtt-packet-itself";

mqtt.writeToStream.cacheNumbers = false;

export const { generate, parser, writeToStream } = mqtt;
export default mqtt;
