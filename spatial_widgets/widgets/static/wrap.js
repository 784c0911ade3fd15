// A module and its style sheets, as one: Python puts both in (_base.py).
import { dressed } from "./dress.js";
MODULE
export default dressed($_, STYLES);
