SELECT g.gate, g.open, g.reason FROM qt001_cp.v_fix7_gate g
