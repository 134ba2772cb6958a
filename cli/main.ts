import {a} from "../src/zz";
export async function main(x:string[]){console.log(a);return 3;}