"""A long text of common words, of which texts are passages."""

from functools import lru_cache

from perfkit.load.streams import stream

_COUNT = 180_000  # about a megabyte

_COMMON = """
about account action address after again agree amount answer april area author autumn balance bank
basket before begin behind bird black blue board book border branch bread bridge bring brother brown
build button buy call camera careful carry center chair change cheap child choice circle city clean
clear clock close cloud coffee cold color common company copper corner cost count country cousin
create credit cross customer daily dance data december deep delivery desk detail dinner discount
distance doctor double dream drive early earth east easy edge eight engine enough equal evening
event every example family far farm fast father february field figure final find fine finger fire
first five flat floor flower follow foot forest forward four free fresh friday friend front fruit
full garden general gift glass gold good grand grass green ground group grow guest half hand happy
harbor head heart heavy height high hill history home honest horse hotel hour house human hundred
idea inch income index inside invoice iron island item january job join journey july june kind
kitchen lake lamp land large last late law lead leaf left letter level light line list little local
long low lunch machine mail main many map march market master matter meal member message metal
middle mile milk minute model moment monday money month moon morning mother mountain music name
narrow nature near never new night nine noise north note notice november number october offer office
often open orange order other outside page paper parcel park part past payment pencil people person
phone picture piece place plain plan plant plate player point port post pound power present price
print problem product public purple quality quarter question quick quiet rain rate ready reason
record red region reply report rest rice right ring river road room round rule run safe sale salt
same sample sand saturday school science sea season second section see send sentence september
service seven shape share ship shop short shoulder side sign silver simple single sister six size
sky slow small smooth snow soft soil some song south space spring square stage star start station
stay steel still stock stone store story straight street strong sugar summer sun sunday supply
surface system table tall tax teacher ten test thank theme thin thing third three thursday ticket
time title today together tomorrow total touch tower town track trade train travel tree true tuesday
turn twelve two under unit until upper use valley value view village visit voice wait walk wall warm
watch water wave weather wednesday week weight west wheel white whole wide wind window winter wire
wish woman wonder wood word work world write year yellow yesterday young zero
"""


@lru_cache(maxsize=1)
def corpus() -> str:
    """Words in random order (always the same), each followed by one space."""
    words = _COMMON.split()
    places = stream(0, "corpus").integers(len(words), size=_COUNT)
    return " ".join(map(words.__getitem__, places.tolist())) + " "
