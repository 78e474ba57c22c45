"""Which stop words do the languages in Latin script have? Texts of words, see `stopwords`."""

from typing import Final

LATIN: Final[dict[str, str]] = {
    "azerbaijani": """
        a ad altı altmış amma arasında artıq ay az bax belə bəli bəlkə bəs bəzən bəzi bil bir
        biraz biri birşey biz bizim bizlər bu buna bundan bunların bunu bunun buradan bütün ci
        cu cü cı çox çoxlu çoxu da daha də dək dəqiqə dir doqquz doxsan dörd dür düz eləsə en ə
        edən edir elə əgər əlbəttə əlli ən əslində et etdi etmə etmək fəqət gəl get gilə görə
        gün haqqında həm həmin həmişə hə heç hələ hər hərçənd həşt idi ildə ilə ilk imiş indi
        isə istifadə iyirmi ki kim kimə kimi lakin lap məhz məndən mən mənə mənim milyard milyon
        mı mi mu mü mına mirşey nə nəhayət niyə o olan olar olaraq oldu olduğu olmadı olmaz
        olmuşdur olsun olur on ona ondan onda onlar onlara onlardan onların onsuzda onu onun
        oradan otuz öz özü qarşı qədər qırx saat sadəcə saniyə say səhv səkkiz səksən sən sənə
        sənin siz sizin sizlər sonra təəssüf üç üçün var və xan xeyr ya yalnız yaxşı yeddi yenə
        yetmiş yəni yox yoxdur yoxsa yüz zaman""",
    "basque": """
        ahala aitzitik al ala alabadere alabaina alda aldiz alta amaitu amaitzeko anitz antzina
        arabera arren artean asko aurrera baina baino baita baizik baldin balitz barik barru
        batean batek baten batera batere batez bati batzuei batzuek batzuetan batzuk bera
        beraiek berau berauek bere berori beroriek bestela beste bezala da dago dena dira dirade
        ditu du dute edo egin ere eta etan eurak ez gainera gu gutxi guzti guztia haiei haiek
        haietan hainbeste hala han handik hango hara hari hark hartan hau hauei hauek hauetan
        hemen hemendik hemengo hi hona honek honela honetan honi hor hori horiei horiek horietan
        horko horra horrek horrela horretan horri hortik hura izan ni noiz nola non nondik nongo
        nor nora ze zein zen zenbait zenbat zer zergatik ziren zituen zu zuek zuen zuten""",
    "catalan": """
        a abans ací ah així això al aleshores algun alguna algunes alguns alhora allà allí allò
        als altra altre altres amb ambdós ambdues anar ans apa aquell aquella aquelles aquells
        aquest aquesta aquestes aquests aquí baix bé cada cadascú cadascuna cadascunes cadascuns
        com contra d'un d'una d'unes d'uns d l dalt de del dels des després dins dintre donat
        doncs durant e eh el els em en encara ens entre érem eren éreu es és esta està estan
        estat estava estaven et etc ets fa faig fan fas fem fer feu fi fins fora gairebé ha han
        has havia he hem heu hi ho i igual iguals ja la les li llavors ma mal malgrat mateix
        mateixa mateixes mateixos me mentre més meu meus meva meves molt molta moltes molts mon
        mons n'he n'hi ne ni no nogensmenys només nosaltres nostra nostre nostres o oh oi on pas
        pel pels per perquè però poc poca pocs podem poden poder podeu poques potser primer
        propi puc qual quals quan quant que què quelcom qui quin quina quines quins s'ha s'han s
        sa sap saps semblant semblants sens sense ser serà seran seré seria serien seu seus seva
        seves si sí sobre sobretot sóc solament sols som són sons sota sou t'ha t'han t'he t ta
        tal també tampoc tan tant tanta tantes te tene tenim tenir teniu tens teu teus teva
        teves tinc ton tons tot tota totes tots un una unes uns us va vaig vam van vas veu
        vosaltres vostra vostre vostres""",
    "danish": """
        og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har
        om vi min havde ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal
        selv her alle vil blev kunne ind når være dog noget ville jo deres efter ned skulle
        denne end dette mit også under have dig anden hende mine alt meget sit sine vor mod
        disse hvis din nogle hos blive mange ad bliver hendes været thi jer sådan""",
    "dutch": """
        de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar
        om hem dan zou of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar
        haar naar heb hoe heeft hebben deze u want nog zal me zij nu ge geen omdat iets worden
        toch al waren veel meer doen toen moet ben zonder kan hun dus alles onder ja eens hier
        wie werd altijd doch wordt wezen kunnen ons zelf tegen na reeds wil kon niets uw iemand
        geweest andere""",
    "english": """
        i me my myself we our ours ourselves you you're you've you'll you'd your yours yourself
        yourselves he he'd he'll he's him his himself she she'd she'll she's her hers herself it
        it'd it'll it's its itself they they'd they'll they're they've them their theirs
        themselves what which who whom this that that'll these those am is are was were be been
        being have has had having do does did doing a an the and but if or because as until
        while of at by for with about against between into through during before after above
        below to from up down in out on off over under again further then once here there when
        where why how all any both each few more most other some such no nor not only own same
        so than too very s t can will just don don't should should've now d ll m o re ve y ain
        aren aren't couldn couldn't didn didn't doesn doesn't hadn hadn't hasn hasn't haven
        haven't i'd i'll i'm i've isn isn't ma mightn mightn't mustn mustn't needn needn't shan
        shan't shouldn shouldn't wasn wasn't we'd we'll we're we've weren weren't won won't
        wouldn wouldn't""",
    "finnish": """
        olla olen olet on olemme olette ovat ole oli olisi olisin olisit olisimme olisitte
        olisivat olit olin olimme olitte olivat ollut olleet en et ei emme ette eivät minä minun
        minut minua minussa minusta minuun minulla minulta minulle sinä sinun sinut sinua
        sinussa sinusta sinuun sinulla sinulta sinulle hän hänen hänet häntä hänessä hänestä
        häneen hänellä häneltä hänelle me meidän meidät meitä meissä meistä meihin meillä meiltä
        meille te teidän teidät teitä teissä teistä teihin teillä teiltä teille he heidän heidät
        heitä heissä heistä heihin heillä heiltä heille tämä tämän tätä tässä tästä tähän tällä
        tältä tälle tänä täksi tuo tuon tuota tuossa tuosta tuohon tuolla tuolta tuolle tuona
        tuoksi se sen sitä siinä siitä siihen sillä siltä sille siksi nämä näiden näitä näissä
        näistä näihin näillä näiltä näille näinä näiksi nuo noiden noita noissa noista noihin
        noilla noilta noille noina noiksi ne niiden niitä niissä niistä niihin niillä niiltä
        niille niinä niiksi kuka kenen kenet ketä kenessä kenestä keneen kenellä keneltä kenelle
        kenenä keneksi ketkä keiden keitä mikä minkä mitä missä mistä mihin millä miltä mille
        miksi mitkä joka jonka jota jossa josta johon jolla jolta jolle jona joksi jotka joiden
        joita joissa joista joihin joilla joilta joille joina joiksi että ja jos koska kuin
        mutta niin sekä tai vaan vai vaikka kanssa mukaan noin poikki yli kun nyt itse""",
    "french": """
        au aux avec ce ces dans de des du elle en et eux il ils je la le les leur lui ma mais me
        même mes moi mon ne nos notre nous on ou par pas pour qu que qui sa se ses son sur ta te
        tes toi ton tu un une vos votre vous c d j l à m n s t y été étée étées étés étant
        étante étants étantes suis es est sommes êtes sont serai seras sera serons serez seront
        serais serait serions seriez seraient étais était étions étiez étaient fus fut fûmes
        fûtes furent sois soit soyons soyez soient fusse fusses fût fussions fussiez fussent
        ayant ayante ayantes ayants eu eue eues eus ai as avons avez ont aurai auras aura aurons
        aurez auront aurais aurait aurions auriez auraient avais avait avions aviez avaient eut
        eûmes eûtes eurent aie aies ait ayons ayez aient eusse eusses eût eussions eussiez
        eussent""",
    "german": """
        aber alle allem allen aller alles als also am an ander andere anderem anderen anderer
        anderes anderm andern anderr anders auch auf aus bei bin bis bist da damit dann der den
        des dem die das dass daß derselbe derselben denselben desselben demselben dieselbe
        dieselben dasselbe dazu dein deine deinem deinen deiner deines denn derer dessen dich
        dir du dies diese diesem diesen dieser dieses doch dort durch ein eine einem einen einer
        eines einig einige einigem einigen einiger einiges einmal er ihn ihm es etwas euer eure
        eurem euren eurer eures für gegen gewesen hab habe haben hat hatte hatten hier hin
        hinter ich mich mir ihr ihre ihrem ihren ihrer ihres euch im in indem ins ist jede jedem
        jeden jeder jedes jene jenem jenen jener jenes jetzt kann kein keine keinem keinen
        keiner keines können könnte machen man manche manchem manchen mancher manches mein meine
        meinem meinen meiner meines mit muss musste nach nicht nichts noch nun nur ob oder ohne
        sehr sein seine seinem seinen seiner seines selbst sich sie ihnen sind so solche solchem
        solchen solcher solches soll sollte sondern sonst über um und uns unsere unserem unseren
        unser unseres unter viel vom von vor während war waren warst was weg weil weiter welche
        welchem welchen welcher welches wenn werde werden wie wieder will wir wird wirst wo
        wollen wollte würde würden zu zum zur zwar zwischen""",
    "hinglish": """
        a aadi aaj aap aapne aata aati aaya aaye ab abbe abbey abe abhi able about above accha
        acha achcha after again ain all am an and any are aren as at aur avum aya aye baad baar
        bad bahut bana banae banai banao banaya banaye banayi banda bande bandi bane bani bas
        bata batao bc be because been before being below between bhai bheetar bhi bhitar bht
        bilkul bohot bol bola bole boli bolo bolta bolte bolti both bro btw but by came can
        cannot chahiye chaiye chal chalega chhaiye clear com could couldn d de dear dekh dekha
        dekhe dekhi dekho denge dhang di did didn dijiye diya diyo do does doesn doing don done
        dono doosra doosre down dusra dusre dusri e each ek even ever every for from further
        gaya gaye gayi get gets getting given gone haan had hadn hai hain hamara hamare hamari
        hamne han has hasn have haven having he hello her here hers herself him himself his ho
        hoga hoge hogi hona honaa hone hong honge hongi honi hota hotaa hote hoti how hua hue
        huee hui hum humko humne hun hye i idhar if ii in inhe inhi inho into is isaka isake
        isaki isase iske iski isko isme ismein isn isne isse it its itself iwm iya ja jaa jab
        jabh jahaan jahan jaise jaisi jate jayega jayegi jese jhan ji jin jinhe jinho jinhon
        jinhone jis jisaka jisake jisaki jise jiske jisko jisme jisne jisse jitna jitne jitni jo
        just k ka kaafi kab kabhi kafi kaha kahaa kahaan kahan kahi kahin kahte kaisa kaise
        kaisi kal kam kar kara kare karega karegi karen karenge kari karke karna karne karni
        karo karta karte karti karu kaun kaunsa kayi ke keh kehte khud ki kin kine kinhe kinho
        kinka kinke kinki kinko kis kise kiske kiski kisko kisliye kisne kitna kitne kitni kiya
        kiye ko koi kon konsa koyi kuch kucch kuchh kul kya kyaa kyo kyon kyonki kyun kyunki
        lagta lagte lagti le lekar lekin liya liye lo ma magar main mainne maine mat matlab me
        mein mera mere merey meri mgr mil mila mile mili milkar more most mr mujh mujhe mujhko
        my myself na naa nahi nahin nai ne niche nhi nor not now o of off on once one only or
        other our ours out over own par pata pe pehla pehle pehli per phir phle please plz poora
        poori pr puri raha rahaa rahe rahi re rha rhe rhi sa saath sab sabhi sabse sahi sakta
        sakte sakti same samne se she should shouldn si so some sorry such ta tab tak tha than
        that the thee their theirs them then there these they thi this tho those thoda thodi
        through to too toh tu tujhe tum tumhara tumhare tumhari tumko un unhe unhi unho unhone
        unka unkaa unke unki unko unme unn unse until up upar us usi uska uske uski usko usme
        usne uss usse uswaqt v vaala vaale vahaan vahan vahi ve very vo wahaan wahan wahi wala
        wale wali was we were what when where which while who whom whose why will with woh wo
        would ya yadi yah yahaan yahan yahi ye yeh you your yours yun""",
    "hungarian": """
        a ahogy ahol aki akik akkor alatt által általában amely amelyek amelyekben amelyeket
        amelyet amelynek ami amit amolyan amíg amikor át abban ahhoz annak arra arról az azok
        azon azt azzal azért aztán azután azonban bár be belül benne cikk cikkek cikkeket csak
        de e eddig egész egy egyes egyetlen egyéb egyik egyre ekkor el elég ellen elő először
        előtt első én éppen ebben ehhez emilyen ennek erre ez ezt ezek ezen ezzel ezért és fel
        felé hanem hiszen hogy hogyan igen így illetve ill ilyen ilyenkor ison ismét itt jó jól
        jobban kell kellett keresztül keressünk ki kívül között közül legalább lehet lehetett
        legyen lenne lenni lesz lett maga magát majd már más másik meg még mellett mert mely
        melyek mi mit míg miért milyen mikor minden mindent mindenki mindig mint mintha mivel
        most nagy nagyobb nagyon ne néha nekem neki nem néhány nélkül nincs olyan ott össze ő ők
        őket pedig persze rá s saját sem semmi sok sokat sokkal számára szemben szerint szinte
        talán tehát teljes tovább továbbá több úgy ugyanis új újabb újra után utána utolsó vagy
        vagyis valaki valami valamint való vagyok van vannak volt voltam voltak voltunk vissza
        vele viszont volna""",
    "indonesian": """
        ada adalah adanya adapun agak agar akan akhirnya aku akulah amat anda andalah antar
        antara apa apaan apabila apakah apalagi apatah atau ataukah ataupun bagai bagaikan
        bagaimana bagaimanapun bagi bahkan bahwa bahwasanya banyak beberapa begini beginilah
        begitu begitulah belum belumlah beserta betulkah biasa biasanya bila bilakah bisa
        bisakah boleh bolehkah buat bukan bukankah bukanlah cuma dahulu dalam dan dapat dari
        daripada dekat demi demikian demikianlah dengan depan di dia dialah diantara diri
        dirinya disini disinilah dong dulu enggak entah entahlah guna hal hampir hanya hanyalah
        harus haruslah hendak hendaklah hingga ia ialah ibarat ingin inginkah ini inikah inilah
        itu itukah itulah jadi jangan jangankan janganlah jika jikalau juga justru kala kalau
        kalaulah kalaupun kali kalian kami kamilah kamu kamulah kan kapan kapankah karena
        karenanya ke kecil kemudian kenapa kepada kepadanya ketika khususnya kini kinilah kita
        kitalah kok lagi lagian lah lain lainnya lalu lama lamanya lebih macam maka makanya
        makin malah malahan mampu mana manakala manalagi masih masing maupun melainkan melalui
        memang mengapa menjadi menuju merupakan mereka merekalah meski meskipun mungkin
        mungkinkah namun nanti nyaris oleh olehnya pada padahal padanya paling pantas para pasti
        per pernah pula pun rupanya saat saja sajalah saling sama sambil sampai sana sangat saya
        sayalah se sebab sebabnya sebagai sebagaimana sebagainya sebaliknya sebegini sebegitu
        sebelum sebelumnya sebuah secara sedang sedangkan sedikit segala segera sehingga sejak
        sekali sekalian sekaligus sekarang seketika sekitar sekitarnya selagi selain selalu
        selama selamanya seluruh semakin sementara semua semuanya semula senantiasa sendiri
        sendirinya seolah seorang sepanjang seperti sering seringnya serta serupa sesuatu
        sesudah setelah seterusnya setiap setidaknya siapa siapakah siapapun sini sinilah suatu
        sudah sudahlah supaya tadi tadinya tak tanpa tapi telah tentang tentu tentulah terhadap
        terlalu terlebih tersebut tersebutlah tertentu tetapi tiap tidak tidakkah tidaklah toh
        untuk wah wahai walau walaupun ya yaitu yakni yang""",
    "italian": """
        ad al allo ai agli all agl alla alle con col coi da dal dallo dai dagli dall dagl dalla
        dalle di del dello dei degli dell degl della delle in nel nello nei negli nell negl
        nella nelle su sul sullo sui sugli sull sugl sulla sulle per tra contro io tu lui lei
        noi voi loro mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro nostra nostri
        nostre vostro vostra vostri vostre mi ti ci vi lo la li le gli ne il un uno una ma ed se
        perché anche come dov dove che chi cui non più quale quanto quanti quanta quante quello
        quelli quella quelle questo questi questa queste si tutto tutti a c e i l o ho hai ha
        abbiamo avete hanno abbia abbiate abbiano avrò avrai avrà avremo avrete avranno avrei
        avresti avrebbe avremmo avreste avrebbero avevo avevi aveva avevamo avevate avevano ebbi
        avesti ebbe avemmo aveste ebbero avessi avesse avessimo avessero avendo avuto avuta
        avuti avute sono sei è siamo siete sia siate siano sarò sarai sarà saremo sarete saranno
        sarei saresti sarebbe saremmo sareste sarebbero ero eri era eravamo eravate erano fui
        fosti fu fummo foste furono fossi fosse fossimo fossero essendo faccio fai facciamo
        fanno faccia facciate facciano farò farai farà faremo farete faranno farei faresti
        farebbe faremmo fareste farebbero facevo facevi faceva facevamo facevate facevano feci
        facesti fece facemmo faceste fecero facessi facesse facessimo facessero facendo sto stai
        sta stiamo stanno stia stiate stiano starò starai starà staremo starete staranno starei
        staresti starebbe staremmo stareste starebbero stavo stavi stava stavamo stavate stavano
        stetti stesti stette stemmo steste stettero stessi stesse stessimo stessero stando""",
    "norwegian": """
        og i jeg det at en et den til er som på de med han av ikke ikkje der så var meg seg men
        ett har om vi min mitt ha hadde hun nå over da ved fra du ut sin dem oss opp man kan
        hans hvor eller hva skal selv sjøl her alle vil bli ble blei blitt kunne inn når være
        kom noen noe ville dere deres kun ja etter ned skulle denne for deg si sine sitt mot å
        meget hvorfor dette disse uten hvordan ingen din ditt blir samme hvilken hvilke sånn
        inni mellom vår hver hvem vors hvis både bare enn fordi før mange også slik vært båe
        begge siden dykk dykkar dei deira deires deim di då eg ein eit eitt elles honom hjå ho
        hoe henne hennar hennes hoss hossen ingi inkje korleis korso kva kvar kvarhelst kven kvi
        kvifor me medan mi mine mykje no nokon noka nokor noko nokre sia sidan so somt somme um
        upp vere vore verte vort varte vart""",
    "portuguese": """
        a à ao aos aquela aquelas aquele aqueles aquilo as às até com como da das de dela delas
        dele deles depois do dos e é ela elas ele eles em entre era eram éramos essa essas esse
        esses esta está estamos estão estar estas estava estavam estávamos este esteja estejam
        estejamos estes esteve estive estivemos estiver estivera estiveram estivéramos estiverem
        estivermos estivesse estivessem estivéssemos estou eu foi fomos for fora foram fôramos
        forem formos fosse fossem fôssemos fui há haja hajam hajamos hão havemos haver hei houve
        houvemos houver houvera houverá houveram houvéramos houverão houverei houverem
        houveremos houveria houveriam houveríamos houvermos houvesse houvessem houvéssemos isso
        isto já lhe lhes mais mas me mesmo meu meus minha minhas muito na não nas nem no nos nós
        nossa nossas nosso nossos num numa o os ou para pela pelas pelo pelos por qual quando
        que quem são se seja sejam sejamos sem ser será serão serei seremos seria seriam
        seríamos seu seus só somos sou sua suas também te tem têm temos tenha tenham tenhamos
        tenho terá terão terei teremos teria teriam teríamos teu teus teve tinha tinham tínhamos
        tive tivemos tiver tivera tiveram tivéramos tiverem tivermos tivesse tivessem tivéssemos
        tu tua tuas um uma você vocês vos""",
    "romanian": """
        a abia acea aceasta această aceea aceeasi acei aceia acel acela acelasi acele acelea
        acest acesta aceste acestea acestei acestia acestui aceşti aceştia adica ai aia aibă
        aici al ala ale alea alt alta altceva altcineva alte altfel alti altii altul am anume
        apoi ar are as asa asemenea asta astfel asupra atare ati atit atita atitea atitia atunci
        au avea avem aveţi avut ba c ca că care careia carora caruia cât câte câţi către ce cea
        ceea cei ceilalti cel cele celor ceva chiar ci cind cine cineva cit cita cite citeva
        citi citiva cu cui cum cumva da daca dacă dar de deasupra deci decit degrabă deja desi
        despre din dintr dintre doar după ea ei el ele era este eu exact face fara fată fel fi
        fie fiecare fii fim fiu foarte fost i ia iar ii il îl îi in în înainte incit inca încă
        într intre între isi iti l la le li lor lui m ma mă mai mare mea mei mele mereu meu mi
        mie mine mod mult multa multe multi ne ni nici niciodata nimeni nimic niste noi nostri
        nostru nou noua nu numai o or ori orice oricum p pai parca patra patru pe pentru peste
        pic pina pînă plus prea prin printr putini s sa să sai sale sau se si și sînt sint
        sintem spre sub sunt suntem sus ţi t ta tale te ti tine toată toate tocmai tot toti
        totul totusi tu tuturor tau un una unde unei unele uneori unii unor unui unul va vă vi
        voi vom vor vreo vreun""",
    "slovene": """
        a ali b bi bil bila bile bili bilo biti bo bodo bom bomo boš boste bova brez c cel cela
        celi celo d da daleč dan danes do dober dobra dobri dobro dokler dol dovolj e eden en
        ena ene eni enkrat eno etc f g ga gor h halo i idr ii in iv ix iz j jaz je ji jih jim jo
        k kadarkoli kaj kajti kako kakor kamor kamorkoli kar karkoli katerikoli kdaj kdo
        kdorkoli ker ki kje kjer kjerkoli ko koderkoli koga komu kot l le lep lepa lepe lepi
        lepo m manj me med medtem mene mi midva mnogo moj moja moje mora morajo moram moramo
        morate moraš morem mu n na nad naj najina najino najmanj naju največ nam nas naš naša
        naše nato nazaj ne nek neka nekaj nekatere nekateri nekdo neke nekega neki nekje neko
        nekoč ni nikamor nikdar nikjer nikoli nič nje njega njegov njegova njegovo njej njemu
        njen njena njeno nji njih njihov njihova njihovo njiju njim njo njun njuna njuno no
        nocoj o ob oba obe oboje od okoli on onadva one oni onidve oz p pa par po pod pogosto
        poleg ponavadi ponovno potem povsod pred predvsem pri približno prej preko proti r redko
        res s saj sam sama same sami samo se sebe sebi sedaj sem seveda si sicer skoraj skozi
        smo so spet sta ste sva t ta tak taka take taki tako takoj tam te tebe tebi tega tej tem
        temu ter ti tista tiste tisti tisto tja to toda tu tudi tukaj tvoj tvoja tvoje u v vaju
        vam vas vaš vaša vaše ve vedno vendar več vi vidva vii viii vsa vsaj vsak vsaka vsakdo
        vsake vsaki vsakomur vse vsega vsi vso včasih x z za zadaj zakaj zaradi zdaj zelo zmeraj
        zraven č če še ž že""",
    "spanish": """
        de la que el en y a los del se las por un para con no una su al lo como más pero sus le
        ya o este sí porque esta entre cuando muy sin sobre también me hasta hay donde quien
        desde todo nos durante todos uno les ni contra otros ese eso ante ellos e esto mí antes
        algunos qué unos yo otro otras otra él tanto esa estos mucho quienes nada muchos cual
        poco ella estar estas algunas algo nosotros mi mis tú te ti tu tus ellas nosotras
        vosotros vosotras os mío mía míos mías tuyo tuya tuyos tuyas suyo suya suyos suyas
        nuestro nuestra nuestros nuestras vuestro vuestra vuestros vuestras esos esas estoy
        estás está estamos estáis están esté estés estemos estéis estén estaré estarás estará
        estaremos estaréis estarán estaría estarías estaríamos estaríais estarían estaba estabas
        estábamos estabais estaban estuve estuviste estuvo estuvimos estuvisteis estuvieron
        estuviera estuvieras estuviéramos estuvierais estuvieran estuviese estuvieses
        estuviésemos estuvieseis estuviesen estando estado estada estados estadas estad he has
        ha hemos habéis han haya hayas hayamos hayáis hayan habré habrás habrá habremos habréis
        habrán habría habrías habríamos habríais habrían había habías habíamos habíais habían
        hube hubiste hubo hubimos hubisteis hubieron hubiera hubieras hubiéramos hubierais
        hubieran hubiese hubieses hubiésemos hubieseis hubiesen habiendo habido habida habidos
        habidas soy eres es somos sois son sea seas seamos seáis sean seré serás será seremos
        seréis serán sería serías seríamos seríais serían era eras éramos erais eran fui fuiste
        fue fuimos fuisteis fueron fuera fueras fuéramos fuerais fueran fuese fueses fuésemos
        fueseis fuesen sintiendo sentido sentida sentidos sentidas siente sentid tengo tienes
        tiene tenemos tenéis tienen tenga tengas tengamos tengáis tengan tendré tendrás tendrá
        tendremos tendréis tendrán tendría tendrías tendríamos tendríais tendrían tenía tenías
        teníamos teníais tenían tuve tuviste tuvo tuvimos tuvisteis tuvieron tuviera tuvieras
        tuviéramos tuvierais tuvieran tuviese tuvieses tuviésemos tuvieseis tuviesen teniendo
        tenido tenida tenidos tenidas tened""",
    "swedish": """
        och det att i en jag hon som han på den med var sig för så till är men ett om hade de av
        icke mig du henne då sin nu har inte hans honom skulle hennes där min man ej vid kunde
        något från ut när efter upp vi dem vara vad över än dig kan sina här ha mot alla under
        någon eller allt mycket sedan ju denna själv detta åt utan varit hur ingen mitt ni bli
        blev oss din dessa några deras blir mina samma vilken er sådan vår blivit dess inom
        mellan sådant varför varje vilka ditt vem vilket sitta sådana vart dina vars vårt våra
        ert era vilkas""",
    "turkish": """
        acaba ama aslında az bazı belki biri birkaç birşey biz bu çok çünkü da daha de defa diye
        en eğer gibi hem hep hepsi her hiç için ile ise kez ki kim mı mi mu mü nasıl ne neden
        nerde nerede nereye niçin niye o sanki şey siz şu tüm ve veya ya yani ben bana beni
        bende benden benim bizi bize bizim bundan bunu bunun buna bunlar bunları bunların onlar
        onları onların onlara ondan onu onun ona sen sana seni senin sizin size sizi kadar göre
        önce sonra karşı rağmen ancak fakat lakin""",
}
