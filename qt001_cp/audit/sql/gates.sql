SELECT gate, open, reason FROM qt001_cp.v_fix7_gate
