// SPDX-License-Identifier: MIT
/**
 * IoT Plug and Play: the conventions that a device with a model keeps on top of telemetry, properties and methods.
 * Source: "IoT Plug and Play conventions" (version 2 of the Digital Twins Definition Language).
 */
import { asJsonObject, type JsonObject } from "../json";

/** Marks an object of properties as a component's. */
const COMPONENT_MARK = Object.freeze({ __t: "c" });

/** What the device says to a writable property. */
export interface WritableAnswer {
  readonly value: unknown;
  /** HTTP-like: 200 done, 202 under way, 203 a default was reported instead, 400 refused, 500 failed. */
  readonly ac: number;
  /** The version of the desired properties that it answers. */
  readonly av: number;
  /** For people. */
  readonly ad?: string;
}

/**
 * The answer to a writable property, to be reported under its name.
 * @param value the one in force now
 * @param version `version` of the desired properties; 0 with a default of the device's own
 */
export function writableAnswer(
  value: unknown,
  version: number,
  status = 200,
  description?: string,
): WritableAnswer {
  return { value, ac: status, av: version, ...(description !== undefined && { ad: description }) };
}

/** Properties of the component `name`, as a patch to be reported. */
export function componentProperties(name: string, properties: JsonObject): JsonObject {
  return { [name]: { ...COMPONENT_MARK, ...properties } };
}

/** What `desired` holds for the component `name`, without the mark; undefined for nothing. */
export function desiredOfComponent(desired: JsonObject, name: string): JsonObject | undefined {
  const properties = Object.hasOwn(desired, name) ? asJsonObject(desired[name]) : undefined;
  if (properties?.__t !== "c") return undefined;
  const { __t: _, ...rest } = properties;
  return rest;
}

/** The name of the method that calls `command` of `component`; of the command itself for the model's own. */
export function commandName(command: string, component?: string): string {
  return component === undefined ? command : `${component}*${command}`;
}
