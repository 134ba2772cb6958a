// SPDX-License-Identifier: MIT
/** The types that an application names: the module `berth` of every host exports them. Types only. */
export type { AssignedReport, ConnectedReport } from "./agent/agent";
export type { CloudToDeviceMessage } from "./azure/hub/cloud-to-device";
export type { MethodAnswer, MethodCall, MethodHandler, MethodHandlers } from "./azure/hub/direct-methods";
export type { HubFeature } from "./azure/hub/feature";
export type { TwinDocument } from "./azure/hub/twin";
export type { JsonObject } from "./azure/json";
export type { Properties } from "./azure/properties";
export type { DesiredReport, DeviceOptions } from "./device";
export type { ErrorCode } from "./error";
export type { DeviceError, MessageOptions, SendOptions } from "./telemetry-device";
