// SPDX-License-Identifier: MIT
import { expect, test } from "@jest/globals";
import { imageParts } from "../../../../../hosts/moddable/scripts/qemu/image-parts";

/** As GNU ld writes it: a long name of a section takes a line of its own. */
const MAP = `Archive member included to satisfy reference by file (symbol)

Linker script and memory map

.flash.text     0x42000020    0x9d384
 *(.literal .text)
 .text.xs_a     0x42000020      0x100 xs_esp32c3.a(xsRun.c.o)
 .text.a_very_long_name_of_a_function
                0x42000120       0x20 esp-idf/lwip/liblwip.a(tcp.c.obj)
 *fill*         0x42000140        0x4 

.iram0.text     0x40380000      0x200
 .iram1.1       0x40380000       0x40 esp-idf/heap/libheap.a(heap_caps.c.obj)

.dram0.data     0x3fc8ba00      0x100
 .data.x        0x3fc8ba00       0x10 xs_esp32c3.a(xsRun.c.o)

.dram0.bss      0x3fc8c000      0x100
 .bss.y         0x3fc8c000       0x80 esp-idf/lwip/liblwip.a(tcp.c.obj)

.iram0.text_end
                0x40381000      0x100
 .z             0x40381000      0x100 esp-idf/x/libx.a(x.obj)

.debug_info     0x00000000    0x10000
 .debug_info    0x00000000    0x10000 xs_esp32c3.a(xsRun.c.o)
`;

test("a library has its code, its constants, and the first values of what lies in RAM; zeros take RAM alone", () => {
  expect(imageParts(MAP)).toEqual([
    { name: "xs_esp32c3", image: 0x110, ram: 0x10 },
    { name: "heap", image: 0x40, ram: 0x40 },
    { name: "lwip", image: 0x20, ram: 0x80 },
  ]);
  expect(imageParts("")).toEqual([]);
});
