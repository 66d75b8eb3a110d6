"""Does what is foreseen happen as often as said? Simulated flights against the 50 % and 95 % regions of their forecasts.

    uv run bench/impact_honesty.py [--flights 10000] [--first 0] [--jobs 2] [--stages NAMES] [--json]

Flights are generic boosts, falls and glides of `exercise`, integrated there in inertial axes; what they are is drawn
from the populations that `warning.boosting`, `falling` and `gliding` state, through the movers' own fields:

- speed at burn-out 1,500 to 7,500 m/s, climb 5 to 85 degrees, evenly; the mover's own burn times, growth and drag.
  Flights of more than 7,000 s, or lower than 20 km at burn-out, are left out (their number is told).
- gliders: 3,000 to 6,500 m/s, climb 2 to 8 degrees, lift over drag 1.5 to 3.5, coefficient 5,000 to 20,000 kg/m2 evenly
  in the logarithm, turns of up to 60 degrees that last a minute and come after two, lift given up at a speed from
  1,000 m/s to that of burn-out.

Stages: of ideal tracks (the truth with an error drawn from the covariance that the forecast is given)

- `boosting`: at any moment from 45 s on, 100 to 500 m and 5 to 30 m/s; `boosting_thrust`: with the thrust known to 5 %
- `early`, `late`: 20 s after burn-out, and four fifths of the way from there, the covariance the bound of two infrared
  satellites of 50 microradian that look each second (`impact_parts.scenes.information`)
- `dark`: infrared sees the boost only; the last look is up to a second before burn-out, the forecast is told that
- `lost`: the track of `early`, forecast as one that nobody measured for 120 s
- `gliding`, `gap`: where a glider comes down; where it is 60 s after it was last seen

and of the shipped tracker (`tracker_early`, `tracker_later`: 20 and 60 s after burn-out, two infrared satellites and a
radar; `tracker_biased`: with the radar off by 100 m and 1 mrad, as registration leaves it: a tenth of that;
`tracker_lost`: the radar away, satellites that see the boost only, the last row).

Told of each: the share inside, with its 95 % interval (Wilson), the median semi-axes, and of the tracker NEES.
"""
