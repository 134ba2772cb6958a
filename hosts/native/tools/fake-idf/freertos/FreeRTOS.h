// SPDX-License-Identifier: MIT
/* Stands in for ESP-IDF's header, which comes before any other of FreeRTOS. */
