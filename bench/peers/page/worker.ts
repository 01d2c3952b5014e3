import { expose } from "comlink";
import { peer } from "./peer.ts";

expose(peer);
