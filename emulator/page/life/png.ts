// SPDX-License-Identifier: MIT
import { toSvg } from "./picture";
import type { Row } from "./rows";

/** The diagram as PNG. @throws Error when the browser cannot draw it */
export async function toPng(rows: readonly Row[], peers: readonly string[]): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(toSvg(rows, peers))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext("2d")!.drawImage(image, 0, 0);
  return new Promise((resolve, reject) =>
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Error("this browser cannot write a PNG of that size"))),
      "image/png",
    ),
  );
}
