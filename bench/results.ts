// SPDX-License-Identifier: MIT
/** What a run has measured: `--json` prints it. A part that was not asked for is missing. */
import type { BundleSize } from "./bundles";
import type { HandshakeFigures } from "./handshake/figures";
import type { LifeFigures } from "./inside/life";
import type { SdkCosts } from "./inside/sdk/main";
import type { ImageFigures } from "./image";
import type { MemoryResults } from "./memory/memory";
import type { NodeFigures } from "./node";
import type { StartCost } from "./start";
import type { OnTheWire } from "./wire/wire";
import type { XsCosts } from "./xs";

export interface XsFigures {
  readonly ours: XsCosts;
  readonly mqttPacket: XsCosts;
  readonly session: XsCosts;
  /** Missing without the SDK. */
  readonly sdk?: SdkCosts;
  readonly life: LifeFigures;
}

export interface Results {
  readonly command: string;
  readonly computer: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly xs?: XsFigures;
  readonly node?: NodeFigures;
  readonly memory?: MemoryResults;
  readonly wire?: OnTheWire;
  /** Missing without the SDK, its tools or mbedTLS. */
  readonly handshake?: HandshakeFigures;
  readonly bundles?: Readonly<Record<string, BundleSize>>;
  /** Missing without the SDK or its tools. */
  readonly image?: ImageFigures;
  readonly start?: Readonly<Record<string, StartCost>>;
}
